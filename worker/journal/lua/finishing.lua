-- Carries out what a worker decided about events that it claimed; used by finish.lua and claim.lua.
-- A finish is {id, lease, to, …}; `to` is
--   'delivered' (notes)    the event is done
--   'skipped'   (reason, notes)  the event is done, nothing was to be sent
--   'postponed' (delay)    due again after `delay` milliseconds
--   'returned'             due again at once: its worker stops
--   'dead'      (reason, class, status, worth)
--   'kept'                 stays claimed, its lease is renewed: a call was accepted, more follow
-- Attempts, outcomes and accepted calls are recorded even if the worker has lost the lease, but only
-- the holder of the lease moves the event.
--
-- The worker decides by one event; the journal knows the outcomes of all. While deliveries are held, an
-- event that would be postponed, or buried for a fault that may not be its own, is due again instead;
-- that is not counted as a retry.

-- Most outcomes in a record; without a bound it would grow for the whole horizon.
local MAX_OUTCOMES = 10

local function observe(name, milliseconds)
  local bucket = 'inf'
  for _, bound in ipairs(BOUNDS) do
    if milliseconds <= bound then
      bucket = bound
      break
    end
  end
  count(name .. ':' .. bucket)
  count(name .. ':sum', math.max(0, math.floor(milliseconds)))
end

-- Counts in the record that a call may have reached Convertro without being known as accepted.
local function doubt(record, call)
  record.in_doubt = record.in_doubt or {}
  record.in_doubt[call] = (record.in_doubt[call] or 0) + 1
  record.reviewed = nil
end

-- Adds a call to one of the record's lists, unless it is there.
local function note_call(record, list, call)
  record[list] = record[list] or {}
  for _, noted in ipairs(record[list]) do
    if noted == call then return end
  end
  table.insert(record[list], call)
end

local function record_attempts(record, finish)
  for _, outcome in ipairs(finish.outcomes) do
    record.attempts = (record.attempts or 0) + 1
    -- By Redis's clock, because workers' clocks may be wrong; `min` counts if Redis's was set back. A
    -- late finish from before a redrive has another lease, and must not begin the new retry horizon.
    if record.lease == finish.lease then record.tried_at = math.min(record.tried_at or now, now) end
    record.outcomes = record.outcomes or {}
    -- If Convertro repeats its message, only the latest attempt keeps it.
    local before = record.outcomes[#record.outcomes]
    if before and before.said and before.said == outcome.said then before.said = nil end
    table.insert(record.outcomes, outcome)
    if #record.outcomes > MAX_OUTCOMES then table.remove(record.outcomes, 1) end
    if outcome.class == 'ambiguous' then doubt(record, outcome.call) end
    -- A rejected call gets a new idempotency key if an operator redrives it: see redrive.lua.
    if outcome.class == 'rejected' then note_call(record, 'rejected', outcome.call) end
  end
  for _, call in ipairs(finish.accepted or {}) do
    note_call(record, 'accepted', call)
    if record.in_doubt then record.in_doubt[call] = nil end
  end
  if record.in_doubt and not next(record.in_doubt) then record.in_doubt = nil end
end

-- The delay, in milliseconds, of an event that would be buried if deliveries were not held.
local LONG_DELAY = 600000

-- Ids of events that are done; the step removes them from the journal together.
local done = {}

local function mark_done(finish, how, counter)
  done[#done + 1] = finish.id
  records[finish.id] = false
  note_ending(finish.id, how)
  count(counter)
  if finish.notes then
    for _, note in ipairs(finish.notes) do count('noted:' .. note) end
  end
end

local function make_due(finish, record, at, counter)
  record.lease, record.leases_lost = nil, nil  -- the event did not kill its worker
  save_record(finish.id, record)
  redis.call('ZREM', CLAIMED, finish.id)
  redis.call('ZADD', DUE, at, finish.id)
  -- TRIED has the first attempt, from which the retry horizon counts.
  if record.tried_at then redis.call('ZADD', TRIED, record.tried_at, finish.id) end
  count(counter)
end

local function carry_out_move(finish, record)
  if finish.to == 'delivered' then
    mark_done(finish, DELIVERED, 'delivered')
    observe('delivered_in', now - record.accepted_at)
    latest.delivered_at = string.format('%.0f', now)
  elseif finish.to == 'skipped' then
    mark_done(finish, SKIP_REASONS[finish.reason], 'skipped:' .. finish.reason)
  elseif finish.to == 'returned' then
    make_due(finish, record, now, 'returned')
  elseif finish.to == 'postponed' then
    record.postponed = (record.postponed or 0) + 1
    make_due(finish, record, now + finish.delay, 'postponed')
  else
    record.class, record.status = finish.class, finish.status
    bury(finish.id, record, finish.reason, finish.sent, finish.worth)
  end
end

-- Whether an event is due again instead of being moved as its worker decided.
local function is_held(finish, record, opened_breaker)
  if finish.to ~= 'postponed' and not is_guarded(finish, record) then return false end
  if is_paused() then return true end
  -- The event that opens the breaker still counts its retry and waits; otherwise it would also be the
  -- first probe.
  if finish.to == 'postponed' and opened_breaker and not finish.retry_after then return false end
  return is_open()
end

-- Moves an event whose worker still holds the lease; answers what became of it.
local function move(finish, record)
  local was_probe = is_open() and record.probed == breaker.since
  local opened_breaker = move_breaker(finish, record)
  if record.erase and finish.to ~= 'delivered' and finish.to ~= 'skipped' then
    erase(finish.id, record)
    return 'gone'
  end
  if is_held(finish, record, opened_breaker) then
    -- An event that was a probe waits, so that it is not every probe if no other event is due.
    local delay = was_probe and (finish.delay or LONG_DELAY) or 0
    make_due(finish, record, now + delay, 'held')
    return 'held'
  end
  carry_out_move(finish, record)
  return 'moved'
end

local function keep(finish, record)
  move_breaker(finish, record)
  if record.erase then
    pay(-1)
    erase(finish.id, record)
    return 'gone'
  end
  save_record(finish.id, record)
  redis.call('ZADD', DUE, now + LEASE_MS, finish.id)
  redis.call('ZADD', CLAIMED, now + LEASE_MS, finish.id)
  return 'moved'
end

local function carry_out(finish)
  finish.outcomes = finish.outcomes or {}
  for _, outcome in ipairs(finish.outcomes) do
    count('attempts:' .. outcome.class)
    if outcome.took then observe('request_took', outcome.took) end
    if outcome.class ~= 'accepted' then
      latest.failed_at, latest.failed_class = string.format('%.0f', now), outcome.class
      latest.failed_detail = outcome.detail
    end
  end
  pay(#finish.outcomes)
  local record = load_record(finish.id)
  -- Another time of acceptance means another event: the id was forgotten and accepted again.
  if not record or (finish.accepted_at and finish.accepted_at ~= record.accepted_at) then
    count('stale:' .. finish.to)
    return 'gone'
  end
  local is_holder = record.lease == finish.lease
  local was_in_doubt = record.in_doubt ~= nil
  -- A delivered event leaves the journal, so its record need not be updated.
  if not (is_holder and finish.to == 'delivered') then record_attempts(record, finish) end
  if record.reason and (record.in_doubt ~= nil) ~= was_in_doubt then
    note_deaths('in_doubt', was_in_doubt and -1 or 1)
  end
  if not is_holder then
    save_record(finish.id, record)
    count('stale:' .. finish.to)
    return 'lost'
  end
  if finish.to == 'kept' then return keep(finish, record) end
  pay(-1)
  return move(finish, record)
end

-- Raises an error for a reason or a note that worker/reasons.py does not list, before any write.
local function check_reason(finish)
  local known = ({dead = DEATH_REASONS, skipped = SKIP_REASONS})[finish.to]
  if known and not known[finish.reason] then error('unknown reason: ' .. tostring(finish.reason)) end
  if finish.notes then
    for _, note in ipairs(finish.notes) do
      if not NOTES[note] then error('unknown note: ' .. tostring(note)) end
    end
  end
end

local function carry_out_all(finishes)
  for _, finish in ipairs(finishes) do check_reason(finish) end
  -- A worker that ticks but neither finishes nor claims events is stuck; ASKED shows it.
  if args.asks then redis.call('ZADD', ASKED, now, args.asks) end
  if #finishes == 0 then return {} end
  local ids, answer = {}, {}
  for number, finish in ipairs(finishes) do ids[number] = finish.id end
  load_records(ids)
  for number, finish in ipairs(finishes) do answer[number] = carry_out(finish) end
  if #done > 0 then
    take_from_due(done)
    forget(done)
  end
  return answer
end
