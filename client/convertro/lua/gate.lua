-- Holding: whether events may be claimed, and how many wake-ups are needed.
-- Needs common.lua; the rules that open and close the breaker are in breaker.lua.
--
-- While delivery is paused, nothing is claimed. While the breaker is open, one probe at a time is.
-- The breaker's fields:
--   state                  'open', or absent
--   cause, detail          why: 'failures', 'setup', 'throttled' or 'burials', and the answer
--   since                  when it opened
--   probe_at, wait         when the next probe may be claimed, and the wait before it
--   probe, probe_until     the lease of the probe in flight, and when that lease ends
--   probes                 how many probes have finished since it opened
--   closed_at              when it closed last
--   failing, burying       the moving shares of failures and burials that open it, 0 to 1; absent for 0
--   unguarded_until        until then burials do not open it, because an operator wants them

local TEXTS = {state = true, cause = true, detail = true, probe = true}

local breaker = {}
local breaker_changed = false

-- The breaker's fields as they are stored.
local stored = {}

-- Called first by every script that sends wake-ups or uses the breaker.
local function load_breaker()
  local fields = redis.call('HGETALL', BREAKER)
  for position = 1, #fields, 2 do
    local name, value = fields[position], fields[position + 1]
    stored[name], breaker[name] = value, TEXTS[name] and value or tonumber(value)
  end
end

-- Writes the fields that this step changed.
local function save_breaker()
  if not breaker_changed then return end
  local set, gone = {}, {}
  for name, value in pairs(breaker) do
    -- Times are whole numbers; a share changes in small steps and so needs many digits.
    local text = type(value) == 'number' and string.format('%.15g', value) or value
    if stored[name] ~= text then set[#set + 1], set[#set + 2] = name, text end
  end
  for name in pairs(stored) do
    if breaker[name] == nil then gone[#gone + 1] = name end
  end
  if #set > 0 then redis.call('HSET', BREAKER, unpack(set)) end
  if #gone > 0 then redis.call('HDEL', BREAKER, unpack(gone)) end
end

-- For the worker's log: `turn`, how this step moved the breaker; `removed`, the dead letters beyond
-- their bounds, by reason; `ended`, the number of waits that were cut short.
local news = {}

-- `news` as JSON; '' if it is empty.
local function news_text()
  return next(news) and cjson.encode(news) or ''
end

-- Called last by every script that changes something.
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

-- Whether a probe may be claimed. Times too far ahead do not count: Redis's clock was set back.
local function may_probe()
  local is_out = breaker.probe and breaker.probe_until > now
    and breaker.probe_until <= now + LEASE_MS
  return not is_out and (now >= breaker.probe_at or now < breaker.since)
end

-- Wakes a deliver task that waits at this list. If none waits, one entry remains; the next task that
-- waits takes it, claims nothing and waits again.
local function ring_bell()
  if redis.call('EXISTS', BELL) == 0 then redis.call('LPUSH', BELL, '') end
end

-- Empties the bell if no deliver task runs that could hear it.
local function still_bell()
  if live_wakeups() == 0 then redis.call('LPOP', BELL) end
end

-- Removes the wake-up of a deliver task that ends.
local function give_back(token)
  redis.call('ZREM', WAKEUPS, token)
  still_bell()
end

-- Registers as many of the offered wake-up tokens as the due events need, one for `batch` events, and
-- as the workers have room for. Answers how many; the caller publishes these.
local function register_wakeups(tokens, batch)
  local due, live = redis.call('ZCOUNT', DUE, '-inf', now), live_wakeups()
  if due > 0 and live > 0 then ring_bell() end
  local spare = math.min(capacity() - live, #tokens)
  if spare <= 0 or is_paused() or (is_open() and not may_probe()) then return 0 end
  local wanted = is_open() and math.min(due, 1) or math.ceil(due / batch) - live
  local registered = math.max(0, math.min(spare, wanted))
  for number = 1, registered do renew_wakeup(tokens[number]) end
  if registered > 0 then count('wakeups', registered) end
  return registered
end

-- The same for producers, which do not know the broker. Answers how many wake-ups to send, the broker's
-- list for them, and a template of the wake-up; without one from a worker, 0: then tickers send them.
local function register_by_template(tokens)
  local batch, list, template = unpack(redis.call('HMGET', SHARED, 'batch', 'list', 'wakeup'))
  if not template then return 0, '', '' end
  return register_wakeups(tokens, batch), list, template
end
