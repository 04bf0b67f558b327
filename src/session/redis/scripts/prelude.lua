-- Functions that the scripts share. Every key starts with the prefix, whose braces put
-- all of them into one slot of a cluster. ARGV[1] is the prefix.
local prefix = ARGV[1]

local function session(key)
    return prefix .. ':s:' .. key
end

local function of_user(id)
    return prefix .. ':u:' .. id
end

-- The branches of a sign-in, by when they were opened. They are in no other list.
local function branches_of(key)
    return prefix .. ':b:' .. key
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
    local user, parent = unpack(redis.call('HMGET', session(key), 'user', 'parent'))
    if user and user ~= '' then
        redis.call('ZREM', of_user(user), key)
    end
    if parent then
        redis.call('ZREM', branches_of(parent), key)
    end
    redis.call('ZREM', all, key)
    redis.call('ZREM', by_expiry, key)
    redis.call('ZREM', by_use, key)
    redis.call('ZREM', visitors, key)
    return redis.call('DEL', session(key)) == 1
end

-- Removes the branches of a sign-in; returns their keys.
local function drop_branches(key)
    local branches = redis.call('ZRANGE', branches_of(key), 0, -1)
    for _, branch in ipairs(branches) do
        drop(branch)
    end
    redis.call('DEL', branches_of(key))
    return branches
end

-- Ends a session with its branches, and adds the keys of those that were there to
-- `ended`. The end is published even if the session was missing: after a failover, a
-- gateway may still have cached a session that the new server has lost.
local function finish(key, ended)
    for _, branch in ipairs(drop_branches(key)) do
        publish('-', branch)
        ended[#ended + 1] = branch
    end
    if drop(key) then
        ended[#ended + 1] = key
    end
    publish('-', key)
end

-- The sign-in that a session is a branch of, or the session itself.
local function sign_in_of(key)
    return redis.call('HGET', session(key), 'parent') or key
end
