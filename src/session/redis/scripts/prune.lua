-- Removes a batch of expired and unused sessions, which needs no message. Returns
-- how many were looked at and how many were still there.
local now, idle_since, batch = ARGV[2], ARGV[3], ARGV[4]
local expired = redis.call('ZRANGEBYSCORE', by_expiry, '-inf', now, 'LIMIT', 0, batch)
local idle = redis.call('ZRANGEBYSCORE', by_use, '-inf', '(' .. idle_since, 'LIMIT', 0, batch)
local dropped = 0
for _, keys in ipairs({ expired, idle }) do
    for _, key in ipairs(keys) do
        dropped = dropped + #drop_branches(key)
        if drop(key) then
            dropped = dropped + 1
        end
    end
end
return { math.max(#expired, #idle), dropped }
