-- Definitions for all scripts. Each script gets only those that it uses: see scripts.py, which also
-- adds the constants: names in capitals that are not defined here.
-- ARGV[1] is a JSON object of named arguments, or empty. All times are unix milliseconds.

-- The journal's keys. KEY puts the journal's prefix before the name: see scripts.py.
local EVENTS = KEY('events')            -- hash: id → the raw event
local DUE = KEY('due')                  -- sorted set: id → when it may next be claimed; a lease is a later time
local PROGRESS = KEY('progress')        -- hash: id → its record, as JSON; absent until the first claim
local DEAD = KEY('dead')                -- sorted set: id → when it died; the reason is in its record
local DONE = KEY('done:')               -- sets of finished ids, one for each dedupe generation
local ENDINGS = KEY('endings:')          -- lists, one for each DONE: how and when its ids finished, see events.lua
local COUNTERS = KEY('counters')        -- hash: counters since the journal began
local TOTALS = KEY('totals')            -- hash: COUNTERS as they were when the current slot began
local WAKEUPS = KEY('wakeups')          -- sorted set: wake-up token → until when it counts
local WORKERS = KEY('workers')          -- sorted set: '<tasks at once> <name>' → until when it counts as alive
local CLAIMED = KEY('claimed')          -- sorted set: id → end of its lease; an index of DUE
local BREAKER = KEY('breaker')          -- hash: see gate.lua
local PAUSE = KEY('pause')              -- string: since when and why an operator pauses delivery, as JSON
local PACE = KEY('pace')                -- hash: requests left in this second, if their rate is bounded
local TRIED = KEY('tried')              -- sorted set: id → first attempt, of unfinished events that failed
local DEATHS = KEY('deaths')            -- hash: number of dead letters by reason and status; their bytes
local SENT = KEY('sent')                -- hash: id → the call that a dead letter failed with, as JSON
local RECENT = KEY('recent:')           -- hashes of counts, one for each past slot of ten seconds
local LATEST = KEY('latest')            -- hash: last delivery, last failure, fastest ten seconds
local ASKED = KEY('asked')              -- sorted set: worker → when a process of it last asked for work
local BELL = KEY('bell')                -- list: an entry wakes a deliver task that waits for events
local WORTH = KEY('worth')              -- sorted set: id of a dead letter → its worth and time of death
local GENERATIONS = KEY('generations')  -- sorted set: key of a set of finished ids → when its generation ends
local SHARED = KEY('shared')            -- hash: what all processes of a journal agree on: see shared.lua

local args = ARGV[1] == '' and {} or cjson.decode(ARGV[1])

-- All processes share one clock, that of Redis; only tests pass a time of their own. Its microseconds
-- serve as chance: one step in 64 does the work that is too expensive for every step.
local time = not args.now and redis.call('TIME')
local now = args.now or time[1] * 1000 + math.floor(time[2] / 1000)
local is_chosen = args.now or time[2] % 64 == 0

local slot = math.floor(now / SLOT)

-- The counts of a slot of ten seconds are the difference between COUNTERS at its begin and at its end,
-- so a count takes one write. The first step that counts in a new slot stores the counts of `noted`,
-- the last slot with any, for SLOTS + 2 slots; and it copies COUNTERS into TOTALS.
local function turn_slot(noted)
  local before, after = redis.call('HGETALL', TOTALS), redis.call('HGETALL', COUNTERS)
  local totals, counted = {}, {}
  for position = 1, #before, 2 do totals[before[position]] = before[position + 1] end
  for position = 1, #after, 2 do
    local name, difference = after[position], after[position + 1] - (totals[after[position]] or 0)
    if difference > 0 then counted[#counted + 1], counted[#counted + 2] = name, difference end
  end
  if noted and #counted > 0 then
    redis.call('HSET', RECENT .. noted, unpack(counted))
    redis.call('PEXPIRE', RECENT .. noted, (SLOTS + 2) * SLOT)
  end
  if #after > 0 then redis.call('HSET', TOTALS, unpack(after)) end
  redis.call('HSET', SHARED, 'slot', slot)
end

-- Called before a step counts anything; accept.lua reads the field itself.
local function begin_slot()
  local noted = redis.call('HGET', SHARED, 'slot')
  if tonumber(noted) ~= slot then turn_slot(noted) end
end

-- What this step counts; written at its end.
local counted = {}

local function count(name, amount)
  counted[name] = (counted[name] or 0) + (amount or 1)
end

local function save_counts()
  if not next(counted) then return end
  begin_slot()
  for name, amount in pairs(counted) do redis.call('HINCRBY', COUNTERS, name, amount) end
end

-- How this step changes the fields of DEATHS; written at its end.
local deaths = {}

local function save_deaths()
  for field, change in pairs(deaths) do
    if redis.call('HINCRBY', DEATHS, field, change) <= 0 then
      redis.call('HDEL', DEATHS, field)
    end
  end
end

-- The fields of LATEST that this step sets; written at its end.
local latest = {}

local function save_latest()
  local flat = {}
  for name, value in pairs(latest) do
    flat[#flat + 1], flat[#flat + 2] = name, value
  end
  if #flat > 0 then redis.call('HSET', LATEST, unpack(flat)) end
end

-- Finished ids are in one set for each dedupe generation; the current and the last set count. The
-- workers set its length, in milliseconds, not the environment of an operator's command.
local window = tonumber(redis.call('HGET', SHARED, 'dedupe') or DEDUPE)

local function generation()
  return math.floor(now / window)
end

local function is_done(id)
  local current = generation()
  return redis.call('SISMEMBER', DONE .. current, id) == 1
    or redis.call('SISMEMBER', DONE .. current - 1, id) == 1
end

-- How and when this step finished ids, ENDING_BYTES for each; written at its end.
local endings = {}

local function save_endings()
  if #endings > 0 then redis.call('RPUSH', ENDINGS .. generation(), table.concat(endings)) end
end

-- A worker or a wake-up counts no longer than its time to live, even if Redis's clock is set back
-- after the entry was written: the upper bound of the range sees to that.
local function live_workers()
  return redis.call('ZRANGEBYSCORE', WORKERS, now, now + WORKER_TTL)
end

-- The worker's name in a member of WORKERS.
local function name_of(member)
  return string.match(member, '^%d+ (.*)$')
end

local function remove_worker(member)
  redis.call('ZREM', WORKERS, member)
  redis.call('ZREM', ASKED, name_of(member))
end

-- How many deliver tasks all live workers together can run at once.
local function capacity()
  local total = 0
  for _, member in ipairs(live_workers()) do
    total = total + tonumber(string.match(member, '^%d+'))
  end
  return total
end

local function live_wakeups()
  return redis.call('ZCOUNT', WAKEUPS, now, now + WAKEUP_TTL)
end

local function renew_wakeup(token, lifetime)
  redis.call('ZADD', WAKEUPS, now + (lifetime or WAKEUP_TTL), token)
end
