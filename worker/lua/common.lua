-- What every script shares; it is put before each of them.
-- ARGV[1] is a JSON object of named arguments. All times are unix milliseconds.

local EVENTS, DUE, PROGRESS, DEAD, DONE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local COUNTERS, WAKEUPS, WORKERS, CLAIMED = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local BREAKER, PAUSE, PACE = KEYS[10], KEYS[11], KEYS[12]

local args = cjson.decode(ARGV[1])

-- One clock for all: Redis's own. Only tests bring their own time.
local now = args.now
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function count(name, amount)
  redis.call('HINCRBY', COUNTERS, name, amount or 1)
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

-- The event leaves the journal for good; only its id is remembered.
local function forget(id)
  redis.call('HDEL', EVENTS, id)
  redis.call('HDEL', PROGRESS, id)
  local key = done_key(generation())
  if redis.call('SADD', key, id) == 1 and redis.call('SCARD', key) == 1 then
    redis.call('PEXPIRE', key, 2 * args.dedupe)
  end
end

-- An event that was due or claimed becomes a dead letter.
local function bury(id, record, reason)
  record.reason, record.lease = reason, nil
  save_record(id, record)
  redis.call('ZREM', DUE, id)
  redis.call('ZREM', CLAIMED, id)
  redis.call('ZADD', DEAD, now, id)
  count('dead:' .. reason)
end

-- A dead letter is let go, counted under its reason.
local function discard(id, reason)
  if redis.call('ZREM', DEAD, id) == 0 then return false end
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
