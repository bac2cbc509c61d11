-- parts: common gate events breaker finishing
-- flags: allow-oom

-- Carries out args.finishes, then hands out up to args.limit due events under the lease
-- args.lease. Answers {state, answers to the finishes, news, ids of events buried as poison, wait,
-- then id, raw event, record for each event}; the state is
--   'surplus'  enough deliver tasks run already: this one should end
--   'idle'     nothing is due: the task should end, and its wake-up token was given back
--   'held'     nothing may be claimed now: the task should end, and its token was given back
--   'claimed'  go on; after `wait` milliseconds if the rate limit allowed no event
-- `news` is JSON for the worker's log. args.task is what the task does if nothing is due:
--   'busy'       it goes on, because events are in flight
--   'lingering'  it waits for events if the workers have room for another task; else it ends
--   'ending'     it ends

-- An event that lost SUSPECT leases in a row, a suspect, is claimed alone, by a process with nothing
-- else in flight: if it kills the process, no other event is lost. After POISON lost leases it is
-- buried. So a container that is killed buries at most one event for each of its processes.
local POISON = SUSPECT + 1

-- How long the wake-up of a lingering task counts, in milliseconds. The task claims twice a second. If
-- it is killed, no task hears the bell until its wake-up ends, so this is short.
local LINGERS_FOR = 1500

-- One in FRESH events of a claim is among the newest due events, the others are the oldest: fresh
-- events need not wait for a whole backlog.
local FRESH = 4

load_breaker()
local finished = carry_out_all(args.finishes)
local poisoned = {}

local function answer(state, wait, events)
  settle()
  return {state, finished, news_text(), poisoned, wait, unpack(events or {})}
end

local until_ms = redis.call('ZSCORE', WAKEUPS, args.wakeup)
if not (until_ms and tonumber(until_ms) >= now) and live_wakeups() >= capacity() then
  return answer('surplus', 0)
end

if is_paused() or (is_open() and not may_probe()) then
  give_back(args.wakeup)
  return answer('held', 0)
end

-- Ids and scores of due events: the oldest, and a share of the newest.
local function choose(limit)
  local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  local fresh = math.floor((limit + now % FRESH) / FRESH)
  if #due < 2 * limit or fresh == 0 or is_open() then return due end
  local newest = redis.call('ZREVRANGEBYSCORE', DUE, now, '-inf', 'WITHSCORES', 'LIMIT', 0, fresh)
  for position = 1, 2 * fresh do due[2 * (limit - fresh) + position] = newest[position] end
  return due
end

-- Chooses a probe: one of the 20 oldest or newest due events that was not a probe since the breaker
-- opened, else the oldest. Old and new events take turns, because what is wrong with old events may
-- not be wrong with new ones.
local function choose_probe()
  local oldest = choose(20)
  local newest = redis.call('ZREVRANGEBYSCORE', DUE, now, '-inf', 'WITHSCORES', 'LIMIT', 0, 20)
  local is_new_turn = (breaker.probes or 0) % 2 == 1
  for _, due in ipairs(is_new_turn and {newest, oldest} or {oldest, newest}) do
    for position = 1, #due, 2 do
      local record = load_record(due[position])
      if not record or record.probed ~= breaker.since then
        return {due[position], due[position + 1]}
      end
    end
  end
  return {oldest[1], oldest[2]}
end

local limit, wait = args.limit, 0
if RATE > 0 and limit > 0 then
  local tokens = pace_bucket()
  limit = math.max(0, math.min(limit, math.floor(tokens)))
  if limit == 0 then wait = math.ceil((1 - tokens) * 1000 / RATE) end
end

local due = {}
if limit > 0 and is_open() then
  due = choose_probe()
elseif limit > 0 then
  due = choose(limit)
end
local is_busy = args.task == 'busy'
local nothing_to_do = not is_busy and #due == 0 and redis.call('ZCOUNT', DUE, '-inf', now) == 0
-- A task lingers only while the workers have room for another: a burst's wake-up finds it at once.
if nothing_to_do and not (args.task == 'lingering' and live_wakeups() < capacity()) then
  give_back(args.wakeup)
  return answer('idle', 0)
end
renew_wakeup(args.wakeup, nothing_to_do and LINGERS_FOR)

-- The events that are handed out: their ids; ids and stored records; ends of leases and ids.
local ids, stored_records, leases = {}, {}, {}

local function hand_out(id, record)
  record.lease = args.lease
  ids[#ids + 1] = id
  stored_records[#stored_records + 1] = id
  stored_records[#stored_records + 1] = cjson.encode(record)
  leases[#leases + 1] = now + LEASE_MS
  leases[#leases + 1] = id
end

-- Stores the claim; answers id, raw event and record of each event.
local function claimed()
  if #ids == 0 then return {} end
  redis.call('HSET', PROGRESS, unpack(stored_records))
  redis.call('ZADD', DUE, unpack(leases))
  redis.call('ZADD', CLAIMED, unpack(leases))
  local events = {}
  for number, raw in ipairs(redis.call('HMGET', EVENTS, unpack(ids))) do
    local id, text = ids[number], stored_records[2 * number]
    local record = records[id]
    if record and record.tried_at then
      record.tried_for = math.max(0, now - record.tried_at)
      text = cjson.encode(record)
    end
    events[#events + 1], events[#events + 2], events[#events + 3] = id, raw or '', text
  end
  return events
end

local function lose(record, lost)
  record.leases_lost = lost
  doubt(record, '*')  -- any of its calls may have reached Convertro
  count('leases_lost')
end

local chosen = {}
for position = 1, #due, 2 do chosen[#chosen + 1] = due[position] end
if #chosen > 0 then load_records(chosen) end

for number, id in ipairs(chosen) do
  if #ids == limit then break end
  -- An event without a record was never claimed: its score is still the time of its acceptance.
  local record = load_record(id) or {accepted_at = tonumber(due[2 * number])}
  local lost = (record.leases_lost or 0) + (record.lease and 1 or 0)
  if record.erase then
    erase(id, record)
  elseif lost >= POISON then
    lose(record, lost)
    bury(id, record, 'poison')
    poisoned[#poisoned + 1] = id
  else
    -- The process finishes its events in flight first; then it claims the suspect and nothing else.
    local is_suspect = lost >= SUSPECT
    if is_suspect and (is_busy or #ids > 0) then break end
    if record.lease then lose(record, lost) end
    hand_out(id, record)
    if is_suspect then break end
  end
end

pay(#ids)
if is_open() and #ids > 0 then
  breaker.probe, breaker.probe_until, breaker_changed = args.lease, now + LEASE_MS, true
end
return answer('claimed', wait, claimed())
