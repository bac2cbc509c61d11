-- Holding instead of failing: whether anything may be claimed, and who is to be rung for.
-- Put after common.lua; what moves the breaker is in breaker.lua.
--
-- While the breaker is open or delivery is paused, nothing is claimed but, if the breaker is
-- open, one probe at a time. The breaker's fields:
--   state                  'open', or absent
--   cause, detail          why: 'failures', 'setup', 'throttled' or 'burials', and the answer
--   since                  when it opened
--   probe_at, wait         when the next probe may be claimed, and the wait before it
--   probe, probe_until     the lease of the probe that is out, and when that ends
--   probes                 probes that came back
--   closed_at              when it closed last
--   failing, burying       the two shares that open it, from 0 to 1; absent for 0
--   unguarded_until        until then an operator wants events buried, however many

local TEXTS = {state = true, cause = true, detail = true, probe = true}

local breaker = {}
local breaker_changed = false

-- What is stored of it.
local stored = {}

-- What every script does first that rings or has to do with the breaker.
local function load_breaker()
  local fields = redis.call('HGETALL', BREAKER)
  for position = 1, #fields, 2 do
    local name, value = fields[position], fields[position + 1]
    stored[name], breaker[name] = value, TEXTS[name] and value or tonumber(value)
  end
end

-- Writes what differs from what is stored.
local function save_breaker()
  if not breaker_changed then return end
  local set, gone = {}, {}
  for name, value in pairs(breaker) do
    -- Times are whole; a share needs the digits by which many small steps make a large one.
    local text = type(value) == 'number' and string.format('%.15g', value) or value
    if stored[name] ~= text then set[#set + 1], set[#set + 2] = name, text end
  end
  for name in pairs(stored) do
    if breaker[name] == nil then gone[#gone + 1] = name end
  end
  if #set > 0 then redis.call('HSET', BREAKER, unpack(set)) end
  if #gone > 0 then redis.call('HDEL', BREAKER, unpack(gone)) end
end

-- What this step did besides, for the worker's log: `turn`, how it moved the breaker; `removed`, dead
-- letters by the reason under which they are counted; `poisoned`, ids; `ended`, a number of waits.
local news = {}

-- The same as JSON; '' if nothing.
local function news_text()
  return next(news) and cjson.encode(news) or ''
end

-- What every script that changes something does last.
local function settle()
  save_endings()
  save_breaker()
  save_latest()
  save_deaths()
  save_counts()
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
    and breaker.probe_until <= now + LEASE_MS
  return not is_out and (now >= breaker.probe_at or now < breaker.since)
end

-- Calls a deliver task that waits for more, if one does: it blocks on this list. Else that stays
-- there, once, and the next one that waits finds nothing and waits again.
local function ring_bell()
  if redis.call('EXISTS', BELL) == 0 then redis.call('LPUSH', BELL, '') end
end

-- Where no deliver task runs, none is going to hear the bell.
local function still_bell()
  if live_wakeups() == 0 then redis.call('LPOP', BELL) end
end

-- A deliver task ends.
local function give_back(token)
  redis.call('ZREM', WAKEUPS, token)
  still_bell()
end

-- Registers as many of the offered wake-up tokens as the due events need, `batch` for each, and the
-- workers can take; answers how many. The caller publishes just those.
local function ring(tokens, batch)
  local due, live = redis.call('ZCOUNT', DUE, '-inf', now), live_wakeups()
  if due > 0 and live > 0 then ring_bell() end
  local spare = math.min(capacity() - live, #tokens)
  if spare <= 0 or is_paused() or (is_open() and not may_probe()) then return 0 end
  local wanted = is_open() and math.min(due, 1) or math.ceil(due / batch) - live
  local rung = math.max(0, math.min(spare, wanted))
  for number = 1, rung do renew_wakeup(tokens[number]) end
  if rung > 0 then count('wakeups', rung) end
  return rung
end

-- The same for callers that know of no broker: answers how many, the list where a worker's broker
-- takes wake-ups from, and the wake-up to put there, made by a worker. Without these, tickers ring.
local function ring_by_template(tokens)
  local batch, list, template = unpack(redis.call('HMGET', SHARED, 'batch', 'list', 'wakeup'))
  if not template then return 0, '', '' end
  return ring(tokens, batch), list, template
end
