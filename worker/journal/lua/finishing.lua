-- How a worker's word about events that it claimed is carried out; shared by finish and claim.
-- A finish is {id, lease, to, …}; `to` is
--   'delivered'            the event is done
--   'skipped'   (reason)   the event is done, nothing was to be sent
--   'postponed' (delay)    due again after `delay` milliseconds
--   'returned'             due again at once: its worker stops
--   'dead'      (reason, class, status, worth)
--   'kept'                 stays claimed, its lease is renewed: a call was accepted, more follow
-- What was learned (attempts, outcomes, accepted calls) is recorded even if the lease is
-- lost, but only the holder of the lease moves the event.
--
-- The worker proposes, the journal knows what all workers see: while it holds, an event that
-- would be postponed or buried for Convertro's sake is due again instead, nothing charged; and
-- an event that alone is refused, while others pass, is buried.

-- An outcome list never grows beyond this, or a record would grow for a whole horizon.
local MAX_OUTCOMES = 10

-- So many refusals of its own, while others pass, and an event is buried.
local MAX_REFUSALS = 5

-- Above this, in thousandths, an endpoint has troubles of its own, and refuses nobody alone.
local MAX_TROUBLE = 200

-- Beyond so many different events in an hour or two it is the endpoint, or a kind of call.
local HOUR, MAX_DISLIKED = 3600000, 5

-- Upper bounds of what is counted by duration, in milliseconds; as in worker/journal/histogram.py.
local BOUNDS = {
  5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, 900000, 3600000,
  21600000, 86400000,
}

local function observe(name, milliseconds)
  local bucket = 'inf'
  for _, bound in ipairs(BOUNDS) do
    if milliseconds <= bound then
      bucket = string.format('%d', bound)
      break
    end
  end
  count(name .. ':' .. bucket)
  count(name .. ':sum', math.max(0, math.floor(milliseconds)))
end

local REFUSING = {setup = true, ambiguous = true}

-- A call that may have reached Convertro without our knowing: index → how often.
local function doubt(record, index)
  record.in_doubt = record.in_doubt or {}
  record.in_doubt[index] = (record.in_doubt[index] or 0) + 1
  record.reviewed = nil
end

local function learn(record, finish)
  for _, outcome in ipairs(finish.outcomes or {}) do
    record.attempts = (record.attempts or 0) + 1
    -- A late word of before a redrive must not begin the retries of after it.
    if record.lease == finish.lease then record.tried_at = record.tried_at or outcome.at end
    record.outcomes = record.outcomes or {}
    table.insert(record.outcomes, outcome)
    if #record.outcomes > MAX_OUTCOMES then table.remove(record.outcomes, 1) end
    if outcome.class == 'ambiguous' then doubt(record, string.format('%d', outcome.call)) end
  end
  for index, name in pairs(finish.accepted or {}) do
    record.accepted = record.accepted or {}
    record.accepted[index] = name
    if record.in_doubt then record.in_doubt[index] = nil end
  end
  if record.in_doubt and not next(record.in_doubt) then record.in_doubt = nil end
end

-- Whether an answer is one more refusal of this event, and one too many. It counts only if the
-- same endpoint accepted something else since the last one that counted, and nearly everything
-- that it is sent for the first time.
local function is_refused(finish, record)
  local last = finish.outcomes and finish.outcomes[#finish.outcomes]
  if not (last and last.status and REFUSING[last.class]) or is_sick() then return false end
  local endpoint = ':' .. (finish.endpoint or '')
  local passed_at = breaker['passed_at' .. endpoint]
  if not passed_at or passed_at < (record.refused_at or 0) then return false end
  if (breaker['trouble' .. endpoint] or 0) >= MAX_TROUBLE then return false end
  record.refusals, record.refused_at = (record.refusals or 0) + 1, now
  turn_counts('disliked_hour', HOUR, BY_HOUR)
  if record.refusals == 1 then add('disliked' .. endpoint) end
  return record.refusals >= MAX_REFUSALS and seen('disliked' .. endpoint) <= MAX_DISLIKED
end

-- Whether Convertro asked for a break on account of this event before, and accepted others
-- since: then it waits by itself, lest it alone hold the stream again and again.
local function is_throttled_alone(finish, record)
  if not finish.retry_after then return false end
  local before = record.throttled_at
  record.throttled_at = now
  return before and (breaker['passed_at:' .. (finish.endpoint or '')] or 0) >= before
end

-- For an event that would be dead by now, were deliveries not held.
local LONG_DELAY = 600000

local function leave(finish, counter)
  undue(finish.id)
  forget(finish.id)
  count(counter)
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
    leave(finish, 'delivered')
    observe('delivered_in', now - record.accepted_at)
    latest.delivered_at = string.format('%.0f', now)
  elseif finish.to == 'skipped' then
    leave(finish, 'skipped:' .. finish.reason)
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
  if finish.to == 'postponed' and not record.erase and is_refused(finish, record) then
    -- By now that is known to be its own fault: it says nothing about Convertro.
    local last = finish.outcomes[#finish.outcomes]
    record.class, record.status = last.class, last.status
    bury(finish.id, record, 'refused', finish.sent, finish.worth)
    return 'refused'
  end
  local probed_before = is_open() and record.probed == breaker.since
  local alone = is_throttled_alone(finish, record)
  local opened = take_note(finish, record, alone)
  -- Who opens the breaker is charged as usual, lest it be the first probe too.
  local charged = finish.to == 'postponed' and opened and not finish.retry_after
  if record.erase and finish.to ~= 'delivered' and finish.to ~= 'skipped' then
    erase(finish.id, record)
    return 'gone'
  end
  local yields = finish.to == 'postponed' or is_guarded(finish, record)
  if yields and (is_paused() or (is_open() and not charged)) then
    -- The only event there is need not be every probe.
    local delay = probed_before and (finish.delay or LONG_DELAY) or 0
    make_due(finish, record, now + delay, 'held')
    return 'held'
  end
  carry_out_move(finish, record)
  return 'moved'
end

-- The suspect that was out is back.
local function end_suspicion(finish)
  if breaker.suspect == finish.lease then
    breaker.suspect, breaker.suspect_until, breaker_changed = nil, nil, true
  end
end

local function keep(finish, record)
  take_note(finish, record)
  if record.erase then
    end_suspicion(finish)
    pay(-1)
    erase(finish.id, record)
    return 'gone'
  end
  save_record(finish.id, record)
  redis.call('ZADD', DUE, now + settings.lease_ms, finish.id)
  redis.call('ZADD', CLAIMED, now + settings.lease_ms, finish.id)
  return 'moved'
end

local function carry_out(finish)
  for _, outcome in ipairs(finish.outcomes or {}) do
    count('attempts:' .. outcome.class)
    if outcome.took then observe('request_took', outcome.took) end
    if outcome.class ~= 'accepted' then
      latest.failed_at, latest.failed_class = string.format('%.0f', now), outcome.class
      latest.failed_detail = outcome.detail
    end
  end
  pay(#(finish.outcomes or {}))
  local record = load_record(finish.id)
  -- Another time of acceptance: the id was forgotten and came again, it is another event.
  if not record or (finish.accepted_at and finish.accepted_at ~= record.accepted_at) then
    count('stale:' .. finish.to)
    return 'gone'
  end
  local was_in_doubt = record.in_doubt ~= nil
  learn(record, finish)
  if record.reason and (record.in_doubt ~= nil) ~= was_in_doubt then
    note_deaths('in_doubt', was_in_doubt and -1 or 1)
  end
  if record.lease ~= finish.lease then
    save_record(finish.id, record)
    count('stale:' .. finish.to)
    return 'lost'
  end
  if finish.to == 'kept' then return keep(finish, record) end
  end_suspicion(finish)
  pay(-1)
  return move(finish, record)
end

local function carry_out_all(finishes)
  -- A worker that ticks, and neither writes back nor asks, is stuck.
  if args.asks then redis.call('ZADD', ASKED, now, args.asks) end
  local answer = {}
  for number, finish in ipairs(finishes) do answer[number] = carry_out(finish) end
  return answer
end

-- What this step did besides, as JSON for the worker's log; '' if nothing.
local function news(poisoned)
  if not turn and #poisoned == 0 and not next(removed) then return '' end
  return cjson.encode({
    turn = turn,
    poisoned = #poisoned > 0 and poisoned or nil,
    removed = next(removed) and removed or nil,
  })
end
