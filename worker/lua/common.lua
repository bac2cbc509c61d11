-- What every script shares; it is put before each of them.
-- ARGV[1] is a JSON object of named arguments. All times are unix milliseconds.

local EVENTS, DUE, PROGRESS, DEAD, DONE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local COUNTERS, WAKEUPS, WORKERS, CLAIMED = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local BREAKER, PAUSE, PACE = KEYS[10], KEYS[11], KEYS[12]
local TRIED, DEATHS, SENT = KEYS[13], KEYS[14], KEYS[15]
local RECENT, LATEST, ASKED = KEYS[16], KEYS[17], KEYS[18]

local args = cjson.decode(ARGV[1])

-- One clock for all: Redis's own. Only tests bring their own time.
local now = args.now
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What is counted in this step; written at its end, for all time and for these ten seconds.
local counted = {}

local function count(name, amount)
  counted[name] = (counted[name] or 0) + (amount or 1)
end

-- Each ten seconds have a hash of their own, kept for a quarter of an hour and a little more.
local SLOT, SLOTS = 10000, 90

local function slot_key(number)
  return RECENT .. string.format('%d', number)
end

local function save_counts()
  local key = slot_key(math.floor(now / SLOT))
  for name, amount in pairs(counted) do
    redis.call('HINCRBY', COUNTERS, name, amount)
    if redis.call('HINCRBY', key, name, amount) == amount then
      redis.call('PEXPIRE', key, (SLOTS + 2) * SLOT)
    end
  end
end

-- What was last seen to work, or to fail, in this step; written at its end.
local latest = {}

local function save_latest()
  local flat = {}
  for name, value in pairs(latest) do
    flat[#flat + 1], flat[#flat + 2] = name, value
  end
  if #flat > 0 then redis.call('HSET', LATEST, unpack(flat)) end
end

local function load_record(id)
  local text = redis.call('HGET', PROGRESS, id)
  return text and cjson.decode(text)
end

local function save_record(id, record)
  redis.call('HSET', PROGRESS, id, cjson.encode(record))
end

-- Finished ids live in one set per dedupe generation; the current and the last one count.
local function generation()
  return math.floor(now / args.dedupe)
end

local function done_key(number)
  return DONE .. string.format('%d', number)
end

local function is_done(id)
  local current = generation()
  return redis.call('SISMEMBER', done_key(current), id) == 1
    or redis.call('SISMEMBER', done_key(current - 1), id) == 1
end

-- How many dead letters there are now: by reason and status, and how many are in doubt.
local function note_deaths(field, change)
  if redis.call('HINCRBY', DEATHS, field, change) <= 0 then redis.call('HDEL', DEATHS, field) end
end

local function note_death(record, change)
  local status = record.status and string.format(' %d', record.status) or ''
  note_deaths(record.reason .. status, change)
  if record.in_doubt then note_deaths('in_doubt', change) end
end

-- The event is dead no longer; answers whether it was.
local function undie(id, record)
  if redis.call('ZREM', DEAD, id) == 0 then return false end
  redis.call('HDEL', SENT, id)
  if record then note_death(record, -1) end
  return true
end

-- The event is neither due nor claimed any more.
local function undue(id)
  redis.call('ZREM', DUE, id)
  redis.call('ZREM', CLAIMED, id)
  redis.call('ZREM', TRIED, id)
end

-- The event leaves the journal for good; only its id is remembered.
local function forget(id)
  redis.call('HDEL', EVENTS, id)
  redis.call('HDEL', PROGRESS, id)
  local key = done_key(generation())
  if redis.call('SADD', key, id) == 1 and redis.call('SCARD', key) == 1 then
    redis.call('PEXPIRE', key, 2 * args.dedupe)
  end
end

-- The event leaves the journal, id and all: an operator erases a person.
local function erase(id, record)
  if not undie(id, record) then undue(id) end
  redis.call('HDEL', EVENTS, id)
  redis.call('HDEL', PROGRESS, id)
  count('discarded:erased')
end

-- An event that was due or claimed becomes a dead letter; `sent` is its call that failed last.
local function bury(id, record, reason, sent)
  record.reason, record.lease = reason, nil
  save_record(id, record)
  undue(id)
  redis.call('ZADD', DEAD, now, id)
  if sent then redis.call('HSET', SENT, id, cjson.encode(sent)) end
  note_death(record, 1)
  count('dead:' .. reason)
end

-- A dead letter is let go, counted under its reason.
local function discard(id, reason)
  if not undie(id, load_record(id)) then return false end
  forget(id)
  count('discarded:' .. reason)
  return true
end

-- No token and no worker counts for longer than its time to live, even if Redis's clock was
-- set back after it was written.
local function live_workers(...)
  return redis.call('ZRANGEBYSCORE', WORKERS, now, now + args.worker_ttl, ...)
end

-- How many deliver tasks the workers that are alive can run at once.
local function capacity()
  local total = 0
  for _, member in ipairs(live_workers()) do
    total = total + tonumber(string.match(member, '^%d+'))
  end
  return total
end

local function live_wakeups()
  return redis.call('ZCOUNT', WAKEUPS, now, now + args.wakeup_ttl)
end

local function renew_wakeup(token)
  redis.call('ZADD', WAKEUPS, now + args.wakeup_ttl, token)
end
