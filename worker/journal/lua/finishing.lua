-- How a worker's word about events that it claimed is carried out; shared by finish and claim.
-- A finish is {id, lease, to, …}; `to` is
--   'delivered' (notes)    the event is done
--   'skipped'   (reason, notes)  the event is done, nothing was to be sent
--   'postponed' (delay)    due again after `delay` milliseconds
--   'returned'             due again at once: its worker stops
--   'dead'      (reason, class, status, worth)
--   'kept'                 stays claimed, its lease is renewed: a call was accepted, more follow
-- What was learned (attempts, outcomes, accepted calls) is recorded even if the lease is
-- lost, but only the holder of the lease moves the event.
--
-- The worker proposes, the journal knows what all workers see: while it holds, an event that
-- would be postponed or buried for Convertro's sake is due again instead, and that is not counted
-- as a retry.

-- An outcome list never grows beyond this, or a record would grow for a whole horizon.
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

-- A call that may have reached Convertro without our knowing: name → how often.
local function doubt(record, call)
  record.in_doubt = record.in_doubt or {}
  record.in_doubt[call] = (record.in_doubt[call] or 0) + 1
  record.reviewed = nil
end

-- Puts a call on one of the record's lists, once.
local function note_call(record, list, call)
  record[list] = record[list] or {}
  for _, noted in ipairs(record[list]) do
    if noted == call then return end
  end
  table.insert(record[list], call)
end

local function learn(record, finish)
  for _, outcome in ipairs(finish.outcomes) do
    record.attempts = (record.attempts or 0) + 1
    -- By the journal's clock, which was set back if that is in the future; workers' clocks may be
    -- wrong. A late word of before a redrive must not begin the retries of after it.
    if record.lease == finish.lease then record.tried_at = math.min(record.tried_at or now, now) end
    record.outcomes = record.outcomes or {}
    -- What Convertro says again and again is kept once, with the latest attempt.
    local before = record.outcomes[#record.outcomes]
    if before and before.said and before.said == outcome.said then before.said = nil end
    table.insert(record.outcomes, outcome)
    if #record.outcomes > MAX_OUTCOMES then table.remove(record.outcomes, 1) end
    if outcome.class == 'ambiguous' then doubt(record, outcome.call) end
    -- Needs another key if an operator sends it back: see redrive.lua.
    if outcome.class == 'rejected' then note_call(record, 'rejected', outcome.call) end
  end
  for _, call in ipairs(finish.accepted or {}) do
    note_call(record, 'accepted', call)
    if record.in_doubt then record.in_doubt[call] = nil end
  end
  if record.in_doubt and not next(record.in_doubt) then record.in_doubt = nil end
end

-- For an event that would be dead by now, were deliveries not held.
local LONG_DELAY = 600000

-- Ids of events that are done: nearly all of a step, which takes them out of the journal together.
local done = {}

local function leave(finish, how, counter)
  done[#done + 1] = finish.id
  records[finish.id] = false
  note_ending(finish.id, how)
  count(counter)
  if finish.notes then
    for _, note in ipairs(finish.notes) do count('noted:' .. note) end
  end
end

local function make_due(finish, record, at, counter)
  record.lease, record.leases_lost = nil, nil  -- it did not kill its worker
  save_record(finish.id, record)
  redis.call('ZREM', CLAIMED, finish.id)
  redis.call('ZADD', DUE, at, finish.id)
  -- From its first attempt on its time to try again runs out.
  if record.tried_at then redis.call('ZADD', TRIED, record.tried_at, finish.id) end
  count(counter)
end

local function carry_out_move(finish, record)
  if finish.to == 'delivered' then
    leave(finish, DELIVERED, 'delivered')
    observe('delivered_in', now - record.accepted_at)
    latest.delivered_at = string.format('%.0f', now)
  elseif finish.to == 'skipped' then
    leave(finish, SKIP_REASONS[finish.reason], 'skipped:' .. finish.reason)
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

-- Moves an event whose lease is its worker's; answers what became of it.
local function move(finish, record)
  local probed_before = is_open() and record.probed == breaker.since
  local opened = take_note(finish, record)
  -- Who opens the breaker uses up a retry as usual, lest it be the first probe too.
  local counts_anyway = finish.to == 'postponed' and opened and not finish.retry_after
  if record.erase and finish.to ~= 'delivered' and finish.to ~= 'skipped' then
    erase(finish.id, record)
    return 'gone'
  end
  local yields = finish.to == 'postponed' or is_guarded(finish, record)
  if yields and (is_paused() or (is_open() and not counts_anyway)) then
    -- The only event there is need not be every probe.
    local delay = probed_before and (finish.delay or LONG_DELAY) or 0
    make_due(finish, record, now + delay, 'held')
    return 'held'
  end
  carry_out_move(finish, record)
  return 'moved'
end

local function keep(finish, record)
  take_note(finish, record)
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
  -- Another time of acceptance: the id was forgotten and came again, it is another event.
  if not record or (finish.accepted_at and finish.accepted_at ~= record.accepted_at) then
    count('stale:' .. finish.to)
    return 'gone'
  end
  local is_holder = record.lease == finish.lease
  local was_in_doubt = record.in_doubt ~= nil
  -- A record that is gone next need not learn.
  if not (is_holder and finish.to == 'delivered') then learn(record, finish) end
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

-- Nothing is written for a reason or a note that is not in the list (worker/reasons.py).
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
  -- A worker that ticks, and neither writes back nor asks, is stuck.
  if args.asks then redis.call('ZADD', ASKED, now, args.asks) end
  if #finishes == 0 then return {} end
  local ids, answer = {}, {}
  for number, finish in ipairs(finishes) do ids[number] = finish.id end
  load_records(ids)
  for number, finish in ipairs(finishes) do answer[number] = carry_out(finish) end
  if #done > 0 then
    undue(done)
    forget(done)
  end
  return answer
end
