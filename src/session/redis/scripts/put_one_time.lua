-- Stores a one-time entry, unless there is one of its key; returns whether it was
-- stored. If there are too many of its purpose, those that expire first are removed.
local name, list, value, expires, ttl, most = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local too_many = redis.call('ZCARD', list) + 1 - most
if too_many > 0 then
    for _, first in ipairs(redis.call('ZRANGE', list, 0, math.min(too_many, 250) - 1)) do
        redis.call('DEL', first)
        redis.call('ZREM', list, first)
    end
end
if not redis.call('SET', name, expires .. ' ' .. value, 'PX', ttl, 'NX') then
    return 0
end
redis.call('ZADD', list, expires, name)
if redis.call('PTTL', list) < tonumber(ttl) then
    redis.call('PEXPIRE', list, ttl)
end
return 1
