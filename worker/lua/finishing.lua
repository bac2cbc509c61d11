-- How a worker's word about events that it claimed is carried out; shared by finish and claim.
-- A finish is {id, lease, to, …}; `to` is
--   'delivered'            the event is done
--   'skipped'   (reason)   the event is done, nothing was to be sent
--   'postponed' (delay)    due again after `delay` milliseconds
--   'returned'             due again at once: its worker stops
--   'dead'      (reason, class, status)
--   'kept'                 stays claimed, its lease is renewed: a call was accepted, more follow
-- What was learned (attempts, outcomes, accepted calls) is recorded even if the lease is
-- lost, but only the holder of the lease moves the event.
local function learn(record, finish)
  for index, name in pairs(finish.accepted or {}) do
    record.accepted = record.accepted or {}
    record.accepted[index] = name
  end
  for _, outcome in ipairs(finish.outcomes or {}) do
    record.attempts = (record.attempts or 0) + 1
    record.tried_at = record.tried_at or outcome.at
    record.outcomes = record.outcomes or {}
    table.insert(record.outcomes, outcome)
    if #record.outcomes > MAX_OUTCOMES then table.remove(record.outcomes, 1) end
  end
end

local move = {}

function move.delivered(finish)
  redis.call('ZREM', DUE, finish.id)
  forget(finish.id)
  count('delivered')
end

function move.skipped(finish)
  redis.call('ZREM', DUE, finish.id)
  forget(finish.id)
  count('skipped:' .. finish.reason)
end

function move.postponed(finish, record)
  record.postponed = (record.postponed or 0) + 1
  save_record(finish.id, record)
  redis.call('ZADD', DUE, now + finish.delay, finish.id)
  count('postponed')
end

function move.returned(finish, record)
  save_record(finish.id, record)
  redis.call('ZADD', DUE, now, finish.id)
  count('returned')
end

function move.dead(finish, record)
  record.reason, record.class, record.status = finish.reason, finish.class, finish.status
  save_record(finish.id, record)
  redis.call('ZREM', DUE, finish.id)
  redis.call('ZADD', DEAD, now, finish.id)
  count('dead:' .. finish.reason)
end

local function carry_out(finish)
  for _, outcome in ipairs(finish.outcomes or {}) do count('attempts:' .. outcome.class) end
  local record = load_record(finish.id)
  -- Another time of acceptance: the id was forgotten and came again, it is another event.
  if not record or (finish.accepted_at and finish.accepted_at ~= record.accepted_at) then
    count('stale:' .. finish.to)
    return 'gone'
  end
  learn(record, finish)
  if record.lease ~= finish.lease then
    save_record(finish.id, record)
    count('stale:' .. finish.to)
    return 'lost'
  end
  if finish.to == 'kept' then
    save_record(finish.id, record)
    redis.call('ZADD', DUE, now + args.lease_ms, finish.id)
    redis.call('ZADD', CLAIMED, now + args.lease_ms, finish.id)
    return 'moved'
  end
  record.lease = nil
  redis.call('ZREM', CLAIMED, finish.id)
  move[finish.to](finish, record)
  return 'moved'
end

local function carry_out_all(finishes)
  local answer = {}
  for number, finish in ipairs(finishes) do answer[number] = carry_out(finish) end
  return answer
end
