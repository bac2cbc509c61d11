-- What opens and closes the breaker, and the rate of requests. Put after gate.lua.
--
-- Two shares, each a moving average over rounds, open it at HOLD_AT: of rounds that failed, and of
-- rounds that ended in a burial for which the event need not be the cause. A round that passes
-- makes a share smaller by the factor 1 - memory, one that fails makes what lacks to 1 smaller by
-- the same, so that breaker_min failures in a row reach HOLD_AT. Both begin at 0 whenever the
-- breaker opens or closes, and a round that began before does not count.

local FIRST_WAIT = 1000

local HOLD_AT, LEFT_AT_HOLD = 0.7, 0.29
local kept_by_a_round = LEFT_AT_HOLD ^ (1 / BREAKER_MIN)

-- A share below this is as good as none, and need not be written any more.
local NEXT_TO_NOTHING = 0.001

-- In its first round an answer that refuses us, and one that asks for a break, say more than a
-- failure; in later rounds they do not, or a few events that always fail would hold the stream.
local function weight_of(record, outcomes, last, asked)
  if record.attempts ~= #outcomes then return 1 end
  if last.class == 'setup' then return BREAKER_MIN / 4 end
  return asked and BREAKER_MIN / 2 or 1
end

-- What is wrong by the last answer of a round that failed.
local function cause_of(last, asked)
  return last.class == 'setup' and 'setup' or asked and 'throttled' or 'failures'
end

-- Moves a share by one round; answers whether it is too large now.
local function move_share(name, weight)
  local share = breaker[name] or 0
  if weight then
    share = 1 - (1 - share) * kept_by_a_round ^ weight
  else
    share = share * kept_by_a_round
    if share < NEXT_TO_NOTHING then share = nil end
  end
  if share ~= breaker[name] then breaker[name], breaker_changed = share, true end
  return share and share >= HOLD_AT
end

local function open_breaker(cause, detail)
  -- Opened again soon after it closed: the waits go on growing where they were.
  local again = breaker.closed_at and now - breaker.closed_at < PROBE_MAX
    and cause ~= 'throttled'
  breaker.wait = again and math.min(2 * breaker.wait, PROBE_MAX) or FIRST_WAIT
  breaker.state, breaker.cause, breaker.detail, breaker.since = 'open', cause, detail, now
  breaker.probe_at, breaker.probe, breaker.probes = now + breaker.wait, nil, nil
  breaker.failing, breaker.burying = nil, nil
  breaker_changed, news.turn = true, {state = 'opened', cause = cause, detail = detail}
  count('breaker_opened:' .. cause)
end

local function close_breaker()
  news.turn = {state = 'closed', cause = breaker.cause, held_ms = now - breaker.since}
  breaker.state, breaker.cause, breaker.detail, breaker.since = nil, nil, nil, nil
  breaker.probe, breaker.probe_until, breaker.probe_at = nil, nil, nil
  breaker.closed_at, breaker_changed = now, true
end

-- An event that an operator sent back, and that is rejected again, has had its second chance:
-- it is buried, and says nothing.
local function is_in_vain(finish, record)
  return finish.to == 'dead' and finish.reason == 'rejected' and record.redriven
end

-- Whether an event would be buried for a reason that may lie with Convertro or with us, and no
-- operator said that burying is right.
local function is_guarded(finish, record)
  return finish.to == 'dead' and DEATH_REASONS[finish.reason] == 'anywhere'
    and not is_in_vain(finish, record) and now >= (breaker.unguarded_until or 0)
end

-- What a round of attempts says about Convertro: 'passed', 'failed' or nothing.
local function health_of(finish, record, last)
  if is_in_vain(finish, record) or finish.to == 'returned' or not last then return nil end
  return (last.class == 'accepted' or last.class == 'rejected') and 'passed' or 'failed'
end

local function note_probe(record, health, guarded, last, asked)
  breaker.probe, breaker.probe_until, breaker_changed = nil, nil, true
  -- Redis's clock was set back.
  if now < breaker.since then breaker.since, breaker.probe_at = now, now end
  breaker.probes = (breaker.probes or 0) + 1
  local failed = health == 'failed' or (guarded and (not health or breaker.cause == 'burials'))
  if failed then
    record.probed = breaker.since
    if health == 'failed' and breaker.cause ~= 'burials' then
      -- What is wrong may be something else by now.
      breaker.cause, breaker.detail = cause_of(last, asked), last.detail
    end
    if not asked then
      breaker.wait = math.min(2 * breaker.wait, PROBE_MAX)
      breaker.probe_at = math.max(breaker.probe_at, now + breaker.wait)
    end
  elseif health == 'passed' then
    close_breaker()
  else
    breaker.probe_at = now  -- it said nothing: the next one may go at once
  end
end

-- Whether a round began after the breaker closed last. Its event was claimed a lease before the
-- time at which the lease ends.
local function is_recent(id)
  local closed_at = breaker.closed_at
  if not closed_at or now - closed_at > LEASE_MS or now < closed_at then return true end
  local lease_ends = redis.call('ZSCORE', CLAIMED, id)
  return not lease_ends or tonumber(lease_ends) - LEASE_MS >= closed_at
end

local function note_round(finish, record, health, guarded, outcomes)
  if not is_recent(finish.id) then return end
  local last, asked = outcomes[#outcomes], finish.retry_after
  local fails = health == 'failed' and weight_of(record, outcomes, last, asked) or nil
  if health and move_share('failing', fails) then
    open_breaker(cause_of(last, asked), last.detail)
  elseif guarded then
    if move_share('burying', 1) then
      open_breaker('burials', last and (finish.reason .. ' ' .. last.detail) or finish.reason)
    end
  elseif health == 'passed' then
    move_share('burying', nil)
  end
end

-- Takes note of what became of an event that was claimed; answers whether this opened the breaker.
local function take_note(finish, record)
  local outcomes = finish.outcomes
  local last = outcomes[#outcomes]
  local health, guarded = health_of(finish, record, last), is_guarded(finish, record)
  local was_open = is_open()
  if was_open and breaker.probe == finish.lease then
    note_probe(record, health, guarded, last, finish.retry_after)
  elseif not was_open and (health or guarded) then
    note_round(finish, record, health, guarded, outcomes)
  end
  if finish.retry_after and is_open() then
    -- Convertro itself says how long to wait.
    local asked_until = now + finish.retry_after
    if not was_open then breaker.probe_at = asked_until end
    breaker.probe_at, breaker_changed = math.max(breaker.probe_at, asked_until), true
  end
  local opened = is_open() and not was_open
  if opened then record.probed = breaker.since end
  return opened
end

-- The rate of requests: a bucket of at most one second's worth. A claim pays one request for
-- each event in advance; a finish settles what was really sent.
local function pace_bucket()
  local at, tokens = unpack(redis.call('HMGET', PACE, 'at', 'tokens'))
  local size = math.max(1, RATE)
  if not at or tonumber(at) > now then return size end
  return math.min(size, tonumber(tokens) + (now - tonumber(at)) * RATE / 1000)
end

local function pay(requests)
  if RATE == 0 or requests == 0 then return end
  local tokens = pace_bucket() - requests
  redis.call('HSET', PACE, 'at', string.format('%.0f', now), 'tokens', tokens)
end
