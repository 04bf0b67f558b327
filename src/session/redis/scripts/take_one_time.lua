-- Removes a one-time entry and returns it. Entries that Redis has removed by itself
-- leave the list a few at a time.
local name, list, now = ARGV[2], ARGV[3], ARGV[4]
local stored = redis.call('GET', name)
redis.call('DEL', name)
redis.call('ZREM', list, name)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', list, '-inf', now, 'LIMIT', 0, 16)) do
    redis.call('DEL', old)
    redis.call('ZREM', list, old)
end
return stored
