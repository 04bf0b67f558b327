-- Ends one session, or a batch of a user's or of all. Returns how many were looked
-- at (at least the batch: call again) and the keys of those that were there.
local which, batch = ARGV[2], tonumber(ARGV[5])
local keys, except
if which == 'one' then
    keys = { sign_in_of(ARGV[3]) }
elseif which == 'user' then
    keys, except = redis.call('ZRANGE', of_user(ARGV[3]), 0, batch), sign_in_of(ARGV[4])
else
    keys = redis.call('ZRANGE', all, 0, batch)
end
local ended = {}
local looked_at = 0
for _, key in ipairs(keys) do
    if key ~= except then
        looked_at = looked_at + 1
        if which == 'user' then
            redis.call('ZREM', of_user(ARGV[3]), key)
        end
        finish(key, ended)
    end
end
return { looked_at, ended }
