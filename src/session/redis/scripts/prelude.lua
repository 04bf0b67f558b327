-- Functions that the scripts share. Every key starts with the prefix, whose braces put
-- all of them into one slot of a cluster. ARGV[1] is the prefix.
local prefix = ARGV[1]

local function session(key)
    return prefix .. ':s:' .. key
end

local function of_user(id)
    return prefix .. ':u:' .. id
end

local all, by_expiry = prefix .. ':all', prefix .. ':expires'
-- Sessions that end when they are unused, and those of visitors, by their last use.
local by_use, visitors = prefix .. ':seen', prefix .. ':visitors'

-- The counter of messages. It starts with the time, so that a server that was
-- emptied does not repeat a number that a gateway has heard.
local function counter()
    local name = prefix .. ':seq'
    if redis.call('EXISTS', name) == 0 then
        local now = redis.call('TIME')
        redis.call('SET', name, now[1] .. string.format('%06d', now[2]))
    end
    return name
end

-- Publishes to every gateway that a session has ended (-) or changed (~).
local function publish(what, key)
    local number = redis.call('INCR', counter())
    redis.call('PUBLISH', prefix .. ':ended', string.format('%.0f', number) .. ' ' .. what .. ' ' .. key)
end

-- Removes a session and its entries in all lists; returns whether it was there.
local function drop(key)
    local user = redis.call('HGET', session(key), 'user')
    if user and user ~= '' then
        redis.call('ZREM', of_user(user), key)
    end
    redis.call('ZREM', all, key)
    redis.call('ZREM', by_expiry, key)
    redis.call('ZREM', by_use, key)
    redis.call('ZREM', visitors, key)
    return redis.call('DEL', session(key)) == 1
end

-- Ends a session. The end is published even if the session was missing: after a
-- failover, a gateway may still have cached a session that the new server has lost.
local function finish(key)
    local was_there = drop(key)
    publish('-', key)
    return was_there
end
