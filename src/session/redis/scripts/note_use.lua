-- Notes a use, unless a later one is known.
local version, key, at = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', session(key), 'v') ~= version then
    return 0
end
if tonumber(at) > tonumber(redis.call('HGET', session(key), 'seen')) then
    redis.call('HSET', session(key), 'seen', at)
    redis.call('ZADD', by_use, 'XX', at, key)
    redis.call('ZADD', visitors, 'XX', at, key)
end
return 1
