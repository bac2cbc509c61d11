-- SHARED has what all processes of a journal must agree on. Workers write it; the first live one decides.
-- Its fields:
--   format        version of the journal's data in Redis
--   clients       formats of clients that the workers serve, each between spaces
--   dedupe        the dedupe window, in milliseconds
--   queue         the Celery queue of wake-ups
--   batch, lease  how many events a deliver task may have in flight, and its lease in milliseconds; of
--                 the worker that started last
--   list, wakeup  the broker's list for wake-ups, if it is in this Redis, and a template of a wake-up,
--                 with WAKEUP_TOKEN in place of the token
--   full          1 if accept.lua found Redis's memory full when it asked last
--   slot          the slot of ten seconds in which anything was counted last

local AGREED = {format = FORMAT, dedupe = DEDUPE, queue = QUEUE}

-- The stored values that differ from this worker's, as {name, stored value, …}.
local function disagreement()
  local found = {}
  for name, value in pairs(AGREED) do
    local theirs = redis.call('HGET', SHARED, name)
    if theirs and theirs ~= tostring(value) then
      found[#found + 1], found[#found + 2] = name, theirs
    end
  end
  return found
end

-- Stores this worker's values. If the queue changes, the list of the old queue is removed.
local function store_shared()
  if redis.call('HGET', SHARED, 'queue') ~= QUEUE then
    redis.call('HDEL', SHARED, 'list', 'wakeup')
  end
  for name, value in pairs(AGREED) do redis.call('HSET', SHARED, name, value) end
  redis.call('HSET', SHARED, 'clients', CLIENTS, 'batch', BATCH, 'lease', LEASE_MS)
end
