-- Stores a session; ends the one that it replaces, or takes over its branches, and ends
-- the oldest sign-ins of a user who has too many. Returns the keys of the sessions that
-- ended, and of the branches that have another parent.
local version, key, ttl = ARGV[2], ARGV[3], tonumber(ARGV[4])
local replaces, most, user = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local signed_in, expires, seen, remembered, record = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local adopts = ARGV[13] == '1'

local ended, adopted = {}, {}
if replaces ~= '' then
    if adopts then
        adopted = redis.call('ZRANGE', branches_of(replaces), 0, -1)
        if #adopted > 0 then
            redis.call('RENAME', branches_of(replaces), branches_of(key))
        end
        for _, branch in ipairs(adopted) do
            redis.call('HSET', session(branch), 'parent', key)
            publish('~', branch)
        end
    end
    finish(replaces, ended)
end
if user ~= '' then
    -- Sessions that expired while no gateway was running are still listed; a few of them are removed each time.
    local oldest_first = redis.call('ZRANGE', of_user(user), 0, most > 0 and -1 or 15)
    local alive = {}
    for _, old in ipairs(oldest_first) do
        if redis.call('EXISTS', session(old)) == 1 then
            alive[#alive + 1] = old
        else
            redis.call('ZREM', of_user(user), old)
        end
    end
    if most > 0 then
        for i = 1, #alive + 1 - most do
            finish(alive[i], ended)
        end
    end
elseif most > 0 then
    local too_many = redis.call('ZCARD', visitors) + 1 - most
    if too_many > 0 then
        for _, old in ipairs(redis.call('ZRANGE', visitors, 0, math.min(too_many, 250) - 1)) do
            finish(old, ended)
        end
    end
end

redis.call('DEL', session(key))
redis.call('HSET', session(key), 'v', version, 'user', user, 'seen', seen, 'record', record)
for i = 14, #ARGV, 2 do
    redis.call('HSET', session(key), 'd:' .. ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', session(key), ttl)

local function index(name, score)
    redis.call('ZADD', name, score, key)
    if redis.call('PTTL', name) < ttl then
        redis.call('PEXPIRE', name, ttl)
    end
end
index(all, 0)
index(by_expiry, expires)
if remembered == '0' then
    index(by_use, seen)
end
if user ~= '' then
    index(of_user(user), signed_in)
else
    index(visitors, seen)
end
counter()
return { ended, adopted }
