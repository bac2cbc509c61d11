-- Holding instead of failing: the circuit breaker, the pause, and the rate of requests.
-- Put after common.lua before every script.
--
-- While the breaker is open or delivery is paused, nothing is claimed but, if the breaker is
-- open, one probe at a time. The breaker's fields:
--   state                    'open', or absent
--   cause, detail            why: 'failures', 'setup', 'throttled' or 'burials', and the answer
--   since                    when it opened
--   probe_at, wait           when the next probe may be claimed, and the wait before it
--   probe, probe_until       the lease of the probe that is out, and when that ends
--   probed                   different events that failed for it, as far as that is known
--   probes                   probes that came back
--   closed_at, passed_at     when it closed last; when Convertro last accepted a call
--   unguarded_until          until then an operator wants events buried, however many
--   window, passed, failed, buried:<reason>, and each with :last
--                            rounds in this window and the one before
--   row, row_of              how many rounds in a row came to the same: 'failed', or a
--                            reason of dead letters
--   passed_began             when the call began that began last of those that passed

local FIRST_WAIT = 1000

local TEXTS = {state = true, cause = true, detail = true, probe = true, row_of = true}

-- Dead letters whose reason lies with Convertro or with this program, not with the event.
local GUARDED = {rejected = true, retries_exhausted = true, unexpected_error = true}

local breaker = {}
local fields = redis.call('HGETALL', BREAKER)
for position = 1, #fields, 2 do
  local name, value = fields[position], fields[position + 1]
  breaker[name] = TEXTS[name] and value or tonumber(value)
end
local breaker_changed = false

-- What this step did to the breaker: 'opened' or 'closed', for the worker's log.
local turn = nil

local function save_breaker()
  if not breaker_changed then return end
  local flat = {}
  for name, value in pairs(breaker) do
    flat[#flat + 1] = name
    flat[#flat + 1] = type(value) == 'number' and string.format('%.0f', value) or value
  end
  redis.call('DEL', BREAKER)
  if #flat > 0 then redis.call('HSET', BREAKER, unpack(flat)) end
end

local function is_paused()
  return redis.call('EXISTS', PAUSE) == 1
end

local function is_open()
  return breaker.state == 'open'
end

-- Times that Redis's clock, set back, would only reach much later do not count.
local function may_probe()
  local is_out = breaker.probe and breaker.probe_until > now
    and breaker.probe_until <= now + args.lease_ms
  return not is_out and (now >= breaker.probe_at or now < breaker.since)
end

local COUNTED = {window = true, passed = true, failed = true, buried = true}

local function clear_window()
  for name in pairs(breaker) do
    if COUNTED[string.match(name, '^[^:]+')] then breaker[name] = nil end
  end
end

local function open_breaker(cause, detail)
  -- Opened again soon after it closed: the waits go on growing where they were.
  local again = breaker.closed_at and now - breaker.closed_at < args.probe_max
    and cause ~= 'throttled'
  breaker.wait = again and math.min(2 * breaker.wait, args.probe_max) or FIRST_WAIT
  breaker.state, breaker.cause, breaker.detail, breaker.since = 'open', cause, detail, now
  breaker.probe_at, breaker.probe = now + breaker.wait, nil
  breaker.probed = cause == 'setup' and 1 or 2  -- all but that one take several events
  breaker.row, breaker.row_of, breaker.probes = nil, nil, nil
  clear_window()
  breaker_changed, turn = true, {state = 'opened', cause = cause, detail = detail}
  count('breaker_opened:' .. cause)
end

local function close_breaker()
  turn = {state = 'closed', cause = breaker.cause, held_ms = now - breaker.since}
  breaker.state, breaker.cause, breaker.detail, breaker.since = nil, nil, nil, nil
  breaker.probe, breaker.probe_until, breaker.probe_at, breaker.probed = nil, nil, nil, nil
  breaker.closed_at = now
  breaker_changed = true
end

local function add(name)
  breaker[name] = (breaker[name] or 0) + 1
  breaker_changed = true
end

-- This window's number and the last one's.
local function seen(name)
  return (breaker[name] or 0) + (breaker[name .. ':last'] or 0)
end

local function turn_window()
  local number = math.floor(now / args.breaker_window)
  if breaker.window == number then return end
  local last = breaker.window == number - 1
  local counted = {}
  for name, value in pairs(breaker) do
    local is_count = name == 'passed' or name == 'failed' or string.match(name, '^buried:[a-z_]+$')
    if is_count then counted[name] = value end
  end
  clear_window()
  if last then
    for name, value in pairs(counted) do breaker[name .. ':last'] = value end
  end
  breaker.window, breaker_changed = number, true
end

-- Whether so many of the rounds are too many.
local function is_most(number, rounds)
  return rounds >= args.breaker_min and number >= args.breaker_ratio * rounds
end

local function is_sick()
  return is_open() or is_most(seen('failed'), seen('passed') + seen('failed'))
end

-- Whether an event would be buried for a reason that lies with Convertro or with us. An event
-- that an operator sent back has had its second chance: it is buried, and says nothing.
-- Likewise while an operator said that burying is right.
local function is_guarded(finish, record)
  return finish.to == 'dead' and GUARDED[finish.reason] and not record.redriven
    and now >= (breaker.unguarded_until or 0)
end

-- What a round of attempts says about Convertro: 'passed', 'failed' or nothing; and under
-- which guarded reason its event would be buried.
local function signs_of(finish, record, last)
  if finish.to == 'dead' and record.redriven then return nil, nil end
  local guarded = is_guarded(finish, record) and finish.reason or nil
  if finish.to == 'returned' or not last then return nil, guarded end
  if last.class == 'accepted' or last.class == 'rejected' then return 'passed', guarded end
  return 'failed', guarded
end

local function note_probe(record, health, guarded, asked)
  breaker.probe, breaker.probe_until, breaker_changed = nil, nil, true
  breaker.probes = (breaker.probes or 0) + 1
  local failed = health == 'failed' or (guarded and (not health or breaker.cause == 'burials'))
  if failed then
    if record.probed ~= breaker.since then breaker.probed = breaker.probed + 1 end
    record.probed = breaker.since
    if not asked then
      breaker.wait = math.min(2 * breaker.wait, args.probe_max)
      breaker.probe_at = math.max(breaker.probe_at, now + breaker.wait)
    end
  elseif health == 'passed' then
    close_breaker()
  else
    breaker.probe_at = now  -- it said nothing: the next one may go at once
  end
end

-- Counts how many rounds in a row came to the same; answers whether they are too many. The row
-- is that of their beginnings: timeouts end together, after calls that began later have passed.
local function is_row(of, began)
  if of == 'passed' then
    breaker.passed_began = math.max(breaker.passed_began or 0, began)
  elseif began < (breaker.passed_began or 0) then
    return false
  end
  breaker.row = breaker.row_of == of and breaker.row + 1 or 1
  breaker.row_of, breaker_changed = of, true
  return of ~= 'passed' and breaker.row >= args.breaker_min
end

local function note_round(health, guarded, outcomes)
  local last = outcomes[#outcomes]
  turn_window()
  if health then add(health) end
  if guarded then add('buried:' .. guarded) end
  local rounds = seen('passed') + seen('failed')
  -- By the clock of the worker, which need not be exact: it tells calls of one time apart.
  local began = not last and now or health == 'passed' and last.at or outcomes[1].at
  local in_row = is_row(guarded or health, began)
  if last and last.class == 'setup' then
    open_breaker('setup', last.detail)
  elseif health == 'failed' and (in_row or is_most(seen('failed'), rounds)) then
    open_breaker('failures', last.detail)
  elseif guarded then
    rounds = rounds + seen('buried:unexpected_error')
    if in_row or is_most(seen('buried:' .. guarded), rounds) then
      open_breaker('burials', last and (guarded .. ' ' .. last.detail) or guarded)
    end
  end
end

-- Takes note of what became of an event that was claimed. Answers whether this opened the
-- breaker.
local function take_note(finish, record)
  local outcomes = finish.outcomes or {}
  local last = outcomes[#outcomes]
  local health, guarded = signs_of(finish, record, last)
  local was_open = is_open()
  if was_open and breaker.probe == finish.lease then
    note_probe(record, health, guarded, finish.retry_after)
  elseif was_open then
    -- Wrong settings refuse every event; one that passes shows that they are not wrong.
    if breaker.cause == 'setup' and last and last.class == 'accepted' then close_breaker() end
  elseif health or guarded then
    note_round(health, guarded, outcomes)
  end
  if last and last.class == 'accepted' then breaker.passed_at, breaker_changed = now, true end
  if finish.retry_after then
    if not is_open() then
      open_breaker('throttled', last.detail)
      breaker.probe_at = now  -- Convertro itself says how long to wait
    end
    breaker.probe_at, breaker_changed = math.max(breaker.probe_at, now + finish.retry_after), true
  end
  local opened = is_open() and not was_open
  if opened then record.probed = breaker.since end
  return opened
end

-- The rate of requests: a bucket of at most one second's worth. A claim pays one request for
-- each event in advance; a finish settles what was really sent.
local function pace_bucket()
  local at, tokens = unpack(redis.call('HMGET', PACE, 'at', 'tokens'))
  local size = math.max(1, args.rate)
  if not at or tonumber(at) > now then return size end
  return math.min(size, tonumber(tokens) + (now - tonumber(at)) * args.rate / 1000)
end

local function pay(requests)
  if args.rate == 0 or requests == 0 then return end
  local tokens = pace_bucket() - requests
  redis.call('HSET', PACE, 'at', string.format('%.0f', now), 'tokens', tokens)
end

-- Registers as many of the offered wake-up tokens as the due events need and the
-- workers can take; answers how many. The caller publishes just those.
local function ring()
  local live = live_wakeups()
  local spare = math.min(capacity() - live, #args.tokens)
  if spare <= 0 or is_paused() or (is_open() and not may_probe()) then return 0 end
  local due = redis.call('ZCOUNT', DUE, '-inf', now)
  local wanted = is_open() and math.min(due, 1) or math.ceil(due / args.batch) - live
  local rung = math.max(0, math.min(spare, wanted))
  for number = 1, rung do renew_wakeup(args.tokens[number]) end
  if rung > 0 then count('wakeups', rung) end
  return rung
end
