-- What all of one journal agree on, said by its workers: the first that is alive decides. Its fields:
--   format        of the journal: what its keys hold
--   clients       formats of clients that the workers serve, each between spaces
--   dedupe        the dedupe window, in milliseconds
--   queue         the Celery queue of wake-ups
--   batch, lease  how many events a deliver task has in flight, and for how long it may keep each, in
--                 milliseconds; by the worker that started last
--   list, wakeup  where wake-ups are put, if that is in this Redis, and what to put there, with
--                 WAKEUP_TOKEN in it for the token; made by a worker
--   full          1 if intake found Redis full when it looked last
--   slot          the ten seconds in which something was counted last

local AGREED = {format = FORMAT, dedupe = DEDUPE, queue = QUEUE}

-- What is said otherwise by those who came before, as {name, their value, …}; nothing if all agree.
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

-- Another queue has another list.
local function say_shared()
  if redis.call('HGET', SHARED, 'queue') ~= QUEUE then
    redis.call('HDEL', SHARED, 'list', 'wakeup')
  end
  for name, value in pairs(AGREED) do redis.call('HSET', SHARED, name, value) end
  redis.call('HSET', SHARED, 'clients', CLIENTS, 'batch', BATCH, 'lease', LEASE_MS)
end
