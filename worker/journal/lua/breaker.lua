-- The rules that open and close the breaker, and the rate limit of requests. Needs gate.lua.
--
-- Two shares, each a moving average over rounds, open the breaker at HOLD_AT: the share of rounds that
-- failed, and that of rounds that ended in a burial for which the event need not be the cause. A round
-- that passes multiplies a share by kept_by_a_round; a round that fails multiplies its distance from 1
-- by the same factor, so that BREAKER_MIN failures in a row reach HOLD_AT. Both shares are 0 when the
-- breaker opens or closes. A round that began before the breaker closed does not count.

local FIRST_WAIT = 1000

local HOLD_AT, LEFT_AT_HOLD = 0.7, 0.29
local kept_by_a_round = LEFT_AT_HOLD ^ (1 / BREAKER_MIN)

-- A share below this counts as 0 and is removed, which saves a write in each further round.
local NEGLIGIBLE = 0.001

-- How many failures a failed round counts as: more than one if Convertro refuses us or asks for a
-- break, but only in an event's first round; otherwise a few events that always fail would hold all.
local function failures_of(record, outcomes, last, asked)
  if record.attempts ~= #outcomes then return 1 end
  if last.class == 'setup' then return BREAKER_MIN / 4 end
  return asked and BREAKER_MIN / 2 or 1
end

-- The cause to give if a failed round with this last answer opens the breaker.
local function cause_of(last, asked)
  return last.class == 'setup' and 'setup' or asked and 'throttled' or 'failures'
end

-- Raises a share by a round that counts as some failures; answers whether the share opens the breaker.
local function raise_share(name, failures)
  breaker[name] = 1 - (1 - (breaker[name] or 0)) * kept_by_a_round ^ failures
  breaker_changed = true
  return breaker[name] >= HOLD_AT
end

-- Lowers a share by a round that passed.
local function lower_share(name)
  if not breaker[name] then return end
  local share = breaker[name] * kept_by_a_round
  breaker[name], breaker_changed = share >= NEGLIGIBLE and share or nil, true
end

local function open_breaker(cause, detail)
  -- If the breaker opens again soon after it closed, the waits between probes go on growing.
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

-- Whether a redriven event was rejected again. It is buried and does not move the breaker, because it
-- has had its second chance.
local function is_rejected_again(finish, record)
  return finish.to == 'dead' and finish.reason == 'rejected' and record.redriven
end

-- Whether an event would be buried for a reason that may lie with Convertro or with this program,
-- while no operator has asked for such burials (`resume --bury`).
local function is_guarded(finish, record)
  return finish.to == 'dead' and DEATH_REASONS[finish.reason] == 'anywhere'
    and not is_rejected_again(finish, record) and now >= (breaker.unguarded_until or 0)
end

-- How Convertro answered a round: 'passed', 'failed', or nil if the round tells nothing about it.
local function health_of(finish, record, last)
  if is_rejected_again(finish, record) or finish.to == 'returned' or not last then return nil end
  return (last.class == 'accepted' or last.class == 'rejected') and 'passed' or 'failed'
end

local function note_probe(record, health, guarded, last, asked)
  breaker.probe, breaker.probe_until, breaker_changed = nil, nil, true
  -- Only if Redis's clock was set back.
  if now < breaker.since then breaker.since, breaker.probe_at = now, now end
  breaker.probes = (breaker.probes or 0) + 1
  local failed = health == 'failed' or (guarded and (not health or breaker.cause == 'burials'))
  if failed then
    record.probed = breaker.since
    if health == 'failed' and breaker.cause ~= 'burials' then
      -- The cause may have changed since the breaker opened.
      breaker.cause, breaker.detail = cause_of(last, asked), last.detail
    end
    if not asked then
      breaker.wait = math.min(2 * breaker.wait, PROBE_MAX)
      breaker.probe_at = math.max(breaker.probe_at, now + breaker.wait)
    end
  elseif health == 'passed' then
    close_breaker()
  else
    breaker.probe_at = now  -- this probe told nothing: the next one may go at once
  end
end

-- Whether a round began after the breaker closed last. It began one lease before its lease ends.
local function is_recent(id)
  local closed_at = breaker.closed_at
  if not closed_at or now - closed_at > LEASE_MS or now < closed_at then return true end
  local lease_ends = redis.call('ZSCORE', CLAIMED, id)
  return not lease_ends or tonumber(lease_ends) - LEASE_MS >= closed_at
end

local function note_round(finish, record, health, guarded, outcomes)
  if not is_recent(finish.id) then return end
  local last, asked = outcomes[#outcomes], finish.retry_after
  if health == 'passed' then
    lower_share('failing')
    if not guarded then lower_share('burying') end
  end
  if health == 'failed' and raise_share('failing', failures_of(record, outcomes, last, asked)) then
    open_breaker(cause_of(last, asked), last.detail)
  elseif guarded and raise_share('burying', 1) then
    open_breaker('burials', last and (finish.reason .. ' ' .. last.detail) or finish.reason)
  end
end

-- Moves the breaker by a finish; answers whether this opened it.
local function move_breaker(finish, record)
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
    -- Convertro says how long to wait (Retry-After).
    local asked_until = now + finish.retry_after
    if not was_open then breaker.probe_at = asked_until end
    breaker.probe_at, breaker_changed = math.max(breaker.probe_at, asked_until), true
  end
  local opened = is_open() and not was_open
  if opened then record.probed = breaker.since end
  return opened
end

-- The rate limit: a token bucket that holds the requests of at most one second. A claim pays one
-- request in advance for each event; a finish settles the difference to what was really sent.
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
