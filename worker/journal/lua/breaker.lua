-- What opens and closes the breaker, and the rate of requests. Put after events.lua.
if not next(stored) then load_breaker() end

-- What this step did to the breaker: 'opened' or 'closed', for the worker's log.
local turn = nil

local FIRST_WAIT = 1000

-- Dead letters whose reason lies with Convertro or with this program, not with the event.
local GUARDED = {rejected = true, retries_exhausted = true, unexpected_error = true}

-- What is counted by window, and by hour: fields of these names, alone or before a colon.
local BY_WINDOW = {passed = true, failed = true, buried = true}
local BY_HOUR = {disliked = true}

-- Forgets counts; answers them.
local function clear_counts(kinds)
  local counted = {}
  for name, value in pairs(breaker) do
    if kinds[string.match(name, '^[^:]+')] then
      counted[name], breaker[name] = value, nil
    end
  end
  return counted
end

local function open_breaker(cause, detail)
  -- Opened again soon after it closed: the waits go on growing where they were.
  local again = breaker.closed_at and now - breaker.closed_at < settings.probe_max
    and cause ~= 'throttled'
  breaker.wait = again and math.min(2 * breaker.wait, settings.probe_max) or FIRST_WAIT
  breaker.state, breaker.cause, breaker.detail, breaker.since = 'open', cause, detail, now
  breaker.probe_at, breaker.probe = now + breaker.wait, nil
  breaker.probed = cause == 'setup' and 1 or 2  -- all but that one take several events
  breaker.failures, breaker.burials, breaker.probes, breaker.window = nil, nil, nil, nil
  clear_counts(BY_WINDOW)
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

-- Begins to count anew when a period is over; what was counted in the last one is kept apart.
local function turn_counts(period, length, kinds)
  local number = math.floor(now / length)
  if breaker[period] == number then return end
  local counted = clear_counts(kinds)
  if breaker[period] == number - 1 then
    for name, value in pairs(counted) do
      if not string.match(name, ':last$') then breaker[name .. ':last'] = value end
    end
  end
  breaker[period], breaker_changed = number, true
end

-- Whether so many of the rounds are too many.
local function is_most(number, rounds)
  return rounds >= settings.breaker_min and number >= settings.breaker_ratio * rounds
end

local function is_sick()
  return is_open() or is_most(seen('failed'), seen('passed') + seen('failed'))
end

-- An event that an operator sent back, and that is rejected again, has had its second chance:
-- it is buried, and says nothing.
local function is_in_vain(finish, record)
  return finish.to == 'dead' and finish.reason == 'rejected' and record.redriven
end

-- Whether an event would be buried for a reason that lies with Convertro or with us, and no
-- operator said that burying is right.
local function is_guarded(finish, record)
  return finish.to == 'dead' and GUARDED[finish.reason] and not is_in_vain(finish, record)
    and now >= (breaker.unguarded_until or 0)
end

-- What a round of attempts says about Convertro: 'passed', 'failed' or nothing; and under
-- which guarded reason its event would be buried.
local function signs_of(finish, record, last)
  if is_in_vain(finish, record) then return nil, nil end
  local guarded = is_guarded(finish, record) and finish.reason or nil
  if finish.to == 'returned' or not last then return nil, guarded end
  if last.class == 'accepted' or last.class == 'rejected' then return 'passed', guarded end
  return 'failed', guarded
end

local function note_probe(record, health, guarded, last, asked)
  breaker.probe, breaker.probe_until, breaker_changed = nil, nil, true
  -- Redis's clock was set back.
  if now < breaker.since then breaker.since, breaker.probe_at = now, now end
  breaker.probes = (breaker.probes or 0) + 1
  local failed = health == 'failed' or (guarded and (not health or breaker.cause == 'burials'))
  if failed then
    if record.probed ~= breaker.since then breaker.probed = breaker.probed + 1 end
    record.probed = breaker.since
    if health == 'failed' and breaker.cause ~= 'burials' then
      -- What is wrong may be something else by now.
      breaker.cause = last.class == 'setup' and 'setup' or asked and 'throttled' or 'failures'
      breaker.detail = last.detail
    end
    if not asked then
      breaker.wait = math.min(2 * breaker.wait, settings.probe_max)
      breaker.probe_at = math.max(breaker.probe_at, now + breaker.wait)
    end
  elseif health == 'passed' then
    close_breaker()
  else
    breaker.probe_at = now  -- it said nothing: the next one may go at once
  end
end

-- Counts how many different events in a row came to the same; answers whether they are too
-- many. The row is that of the times at which they were sent: timeouts end together, after
-- calls that were sent later have passed.
local function is_row(name, of, record, began)
  if began < (breaker.passed_began or 0) then return false end
  if not breaker[name] or breaker[name .. '_of'] ~= of then
    breaker[name], breaker[name .. '_of'], breaker[name .. '_since'] = 0, of, now
  end
  if (record[name] or -1) < breaker[name .. '_since'] then breaker[name] = breaker[name] + 1 end
  record[name] = now
  return breaker[name] >= settings.breaker_min
end

local function end_rows(health, guarded, began)
  if health == 'passed' then breaker.failures = nil end
  if health == 'passed' and not guarded then
    breaker.burials = nil
    breaker.passed_began = math.max(breaker.passed_began or 0, began)
  end
end

local function note_round(health, guarded, record, outcomes)
  local last = outcomes[#outcomes]
  turn_counts('window', settings.breaker_window, BY_WINDOW)
  if health then add(health) end
  if guarded then add('buried:' .. guarded) end
  local rounds = seen('passed') + seen('failed')
  -- By the clock of the worker, which need not be exact: it tells calls of one time apart.
  local began = math.min(now, last and (health == 'passed' and last or outcomes[1]).at or now)
  end_rows(health, guarded, began)
  local fail = health == 'failed' and is_row('failures', 'failed', record, began)
  local bury = guarded and is_row('burials', guarded, record, began)
  if last and last.class == 'setup' then
    open_breaker('setup', last.detail)
  elseif health == 'failed' and (fail or is_most(seen('failed'), rounds)) then
    open_breaker('failures', last.detail)
  elseif guarded then
    rounds = rounds + seen('buried:unexpected_error')
    if bury or is_most(seen('buried:' .. guarded), rounds) then
      open_breaker('burials', last and (guarded .. ' ' .. last.detail) or guarded)
    end
  end
end

-- Remembers how the endpoint of an event's last call does.
local function note_endpoint(finish, record, health, last)
  local endpoint = ':' .. (finish.endpoint or '')
  if last and last.class == 'accepted' then
    breaker['passed_at' .. endpoint], breaker_changed = now, true
  end
  if health and record.attempts == #finish.outcomes then
    local before = breaker['trouble' .. endpoint] or 0
    local failed = health == 'failed' and 100 or 0
    breaker['trouble' .. endpoint] = math.floor(0.9 * before + failed)
    breaker_changed = true
  end
end

-- Takes note of what became of an event that was claimed; answers whether this opened the
-- breaker. A wish for a break that is for this event alone concerns nobody else.
local function take_note(finish, record, is_alone)
  local outcomes = finish.outcomes or {}
  local last = outcomes[#outcomes]
  local health, guarded = signs_of(finish, record, last)
  local was_open = is_open()
  if was_open and breaker.probe == finish.lease then
    note_probe(record, health, guarded, last, finish.retry_after)
  elseif was_open then
    -- Wrong settings refuse every event; one that passes shows that they are not wrong.
    if breaker.cause == 'setup' and last and last.class == 'accepted' then close_breaker() end
  elseif health or guarded then
    note_round(health, guarded, record, outcomes)
  end
  note_endpoint(finish, record, health, last)
  if finish.retry_after and not is_alone then
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
  local size = math.max(1, settings.rate)
  if not at or tonumber(at) > now then return size end
  return math.min(size, tonumber(tokens) + (now - tonumber(at)) * settings.rate / 1000)
end

local function pay(requests)
  if settings.rate == 0 or requests == 0 then return end
  local tokens = pace_bucket() - requests
  redis.call('HSET', PACE, 'at', string.format('%.0f', now), 'tokens', tokens)
end

