-- Replaces the data of an app in a session, if it is still the expected data.
-- Returns whether it was.
local version, key, field = ARGV[2], ARGV[3], 'd:' .. ARGV[4]
local had, before, has, after = ARGV[5] == '1', ARGV[6], ARGV[7] == '1', ARGV[8]
if redis.call('HGET', session(key), 'v') ~= version then
    return 0
end
local stored = redis.call('HGET', session(key), field)
if (stored or '') ~= before or (stored and true or false) ~= had then
    return 0
end
if has then
    redis.call('HSET', session(key), field, after)
else
    redis.call('HDEL', session(key), field)
end
publish('~', key)
return 1
