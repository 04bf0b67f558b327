-- One step of the counters of an attempt, all of them or none: counter.rs in
-- Redis. KEYS are the counters, all in one slot.
--
-- ARGV: the step (look, reserve, fail, back, succeed), the prefix of the indexes,
-- now, the window, the longest time that a check takes, the time after which a counter is cleared,
-- how many counters of a bounded kind there may be, the number of waits, the
-- waits; then of each counter its name, the letter of its kind, its budget and
-- its patience. Times are in milliseconds.
--
-- Returns one number for look and reserve, the time to wait; for fail the wait that
-- starts for each counter, 0 for none.
local what, prefix = ARGV[1], ARGV[2]
local now, window = tonumber(ARGV[3]), tonumber(ARGV[4])
local checked_within, forgotten_after = tonumber(ARGV[5]), tonumber(ARGV[6])
local most, steps = tonumber(ARGV[7]), tonumber(ARGV[8])
local waits = {}
for i = 1, steps do
    waits[i] = tonumber(ARGV[8 + i])
end
local longest = waits[steps] or 0
local a_moment = 1000

local function read(name)
    local f = redis.call('HMGET', name, 'f', 'w', 'p', 'r', 's', 'b', 't', 'l')
    for i = 1, 8 do
        f[i] = tonumber(f[i] or 0)
    end
    return { f = f[1], w = f[2], p = f[3], r = f[4], s = f[5], b = f[6], t = f[7], l = f[8] }
end

local function whole(number)
    return string.format('%.0f', number)
end

local function drop(index, name, member)
    redis.call('DEL', name)
    redis.call('ZREM', index, member)
end

local function write(name, member, letter, c)
    local index = prefix .. ':t:' .. letter
    if c.f == 0 and c.p == 0 and c.s == 0 and c.t == 0 then
        drop(index, name, member)
        return
    end
    if letter ~= 'a' and not redis.call('ZSCORE', index, member) then
        redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now - 2 * forgotten_after))
        local too_many = redis.call('ZCARD', index) + 1 - most
        if too_many > 0 then
            for _, least in ipairs(redis.call('ZRANGE', index, 0, too_many - 1)) do
                drop(index, prefix .. ':t:c:' .. least, least)
            end
        end
    end
    redis.call('HSET', name, 'f', whole(c.f), 'w', whole(c.w), 'p', whole(c.p), 'r', whole(c.r),
        's', whole(c.s), 'b', whole(c.b), 't', whole(c.t), 'l', whole(c.l))
    local ttl = whole(math.max(c.b - now, 0) + forgotten_after + checked_within)
    redis.call('PEXPIRE', name, ttl)
    redis.call('ZADD', index, whole(math.max(c.b, c.l + window)), member)
    redis.call('PEXPIRE', index, whole(longest + 3 * forgotten_after))
end

-- Applies the passage of time.
local function pass(c)
    c.b = math.min(c.b, now + longest)
    c.l, c.w, c.r = math.min(c.l, now), math.min(c.w, now), math.min(c.r, now)
    if now - c.r >= checked_within then
        c.p = 0
    end
    if now < c.b then
        return
    end
    if now - c.l >= forgotten_after then
        c.f, c.w, c.s, c.b, c.t, c.l = 0, 0, 0, 0, 0, 0
    end
    if now - c.b >= forgotten_after then
        c.s = 0
    end
    if now - c.w >= window then
        c.f = 0
    end
end

local function allowance(c, budget)
    if c.s == 0 then
        return math.max(budget, 1)
    end
    return math.max(math.floor(budget / 5), 1)
end

local all = {}
for i, name in ipairs(KEYS) do
    local at = 8 + steps + 4 * (i - 1)
    local one = { name = name, member = ARGV[at + 1], letter = ARGV[at + 2] }
    one.budget, one.patience, one.c = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), read(name)
    all[i] = one
end

if what == 'look' or what == 'reserve' then
    local wait = 0
    for _, one in ipairs(all) do
        local c = one.c
        pass(c)
        if now < c.b then
            wait = math.max(wait, c.b - now)
        elseif c.f + c.p >= allowance(c, one.budget) then
            wait = math.max(wait, a_moment)
        end
    end
    if wait > 0 or what == 'look' then
        return { whole(wait) }
    end
    for _, one in ipairs(all) do
        one.c.p, one.c.r = one.c.p + 1, now
        write(one.name, one.member, one.letter, one.c)
    end
    return { '0' }
end

local started = {}
for i, one in ipairs(all) do
    local c = one.c
    started[i] = '0'
    if what == 'fail' then
        pass(c)
        c.p = math.max(c.p - 1, 0)
        if c.f == 0 then
            c.w = now
        end
        c.f, c.t, c.l = c.f + 1, c.t + 1, now
        local endless = one.patience > 0 and c.t >= one.patience
        if c.f >= allowance(c, one.budget) or endless then
            local wait = endless and longest or waits[c.s + 1] or longest
            c.f, c.s, c.b = 0, c.s + 1, now + wait
            started[i] = whole(wait)
        end
    elseif what == 'succeed' and one.letter ~= 'i' then
        c.f, c.w, c.s, c.b, c.t, c.l = 0, 0, 0, 0, 0, 0
        c.p = math.max(c.p - 1, 0)
    else
        c.p = math.max(c.p - 1, 0)
    end
    write(one.name, one.member, one.letter, c)
end
return started
