-- What becomes of an event, and its record. Put after gate.lua before scripts that move events.

local function load_record(id)
  local text = redis.call('HGET', PROGRESS, id)
  return text and cjson.decode(text)
end

local function save_record(id, record)
  redis.call('HSET', PROGRESS, id, cjson.encode(record))
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
    redis.call('PEXPIRE', key, 2 * settings.dedupe)
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

