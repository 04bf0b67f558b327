-- Stores a branch of a sign-in; ends the session that it replaces, and the oldest branch
-- of a sign-in that has too many. Returns whether the parent is there, and the keys of
-- the sessions that ended.
local version, key, parent, parent_version = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local replaces, most, opened, record = ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]

local ended = {}
local found, above = unpack(redis.call('HMGET', session(parent), 'v', 'parent'))
local ttl = redis.call('PTTL', session(parent))
if found ~= parent_version or above or ttl <= 0 then
    return { 0, ended }
end
if replaces ~= '' then
    finish(replaces, ended)
end
local branches = branches_of(parent)
for _ = 1, redis.call('ZCARD', branches) + 1 - most do
    finish(redis.call('ZRANGE', branches, 0, 0)[1], ended)
end
redis.call('DEL', session(key))
redis.call('HSET', session(key), 'v', version, 'user', '', 'seen', opened, 'parent', parent, 'record', record)
for i = 10, #ARGV, 2 do
    redis.call('HSET', session(key), 'd:' .. ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', session(key), ttl)
redis.call('ZADD', branches, opened, key)
redis.call('PEXPIRE', branches, ttl)
counter()
return { 1, ended }
