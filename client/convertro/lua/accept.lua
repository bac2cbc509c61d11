-- parts: common gate
-- rights: ZADD HINCRBY

-- ARGV[2]: wake-up tokens, separated by spaces; then id, raw event, id, raw event, …
-- Answers {number of wake-ups to send, the broker's list for them, a template of the wake-up; then 1
-- (accepted) or 0 (duplicate) for each event}.
--
-- Workers write SHARED: see shared.lua. Before the first worker, no event was ever finished, so there
-- are no ids to remember.
local clients, dedupe, was_full, noted = unpack(
  redis.call('HMGET', SHARED, 'clients', 'dedupe', 'full', 'slot'))
if clients and not string.find(clients, CLIENT_FORMAT, 1, true) then
  return redis.error_reply('FORMAT' .. clients)
end

local is_lone = #ARGV == 4

-- The last tenth of the memory is for the workers: if producers filled it, Redis would refuse
-- wake-ups and Celery's commands, and no event could ever leave the journal.
-- To ask Redis for its memory takes half as long as the rest of this script. So it is done for lists
-- of events, for one lone event in 64, and for all events while the last answer was "full".
if was_full or is_chosen or not is_lone then
  local memory = redis.pcall('INFO', 'memory')
  local is_full = false
  if type(memory) == 'string' then  -- a server that imitates Redis may answer otherwise
    local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
    local limit = tonumber(string.match(memory, 'maxmemory:(%d+)'))
    is_full = used and limit and limit > 0 and used > FULL_SHARE * limit
  end
  if is_full and not was_full then redis.call('HSET', SHARED, 'full', 1) end
  if was_full and not is_full then redis.call('HDEL', SHARED, 'full') end
  if is_full then
    return redis.error_reply('OOM nine tenths of maxmemory are used, the rest is for the workers')
  end
end

if tonumber(noted) ~= slot then turn_slot(noted) end

-- The sets of finished ids of the current dedupe generation and of the one before.
local current, last
if dedupe then
  local number = math.floor(now / dedupe)
  current, last = DONE .. number, DONE .. number - 1
end

local answer = {0, '', ''}
local accepted, duplicates = 0, 0
for position = 3, #ARGV, 2 do
  local id = ARGV[position]
  local is_known = current and (redis.call('SISMEMBER', current, id) == 1
    or redis.call('SISMEMBER', last, id) == 1)
  if is_known or redis.call('HSETNX', EVENTS, id, ARGV[position + 1]) == 0 then
    duplicates = duplicates + 1
    answer[#answer + 1] = 0
  else
    redis.call('ZADD', DUE, now, id)
    accepted = accepted + 1
    answer[#answer + 1] = 1
  end
end
if accepted > 0 then redis.call('HINCRBY', COUNTERS, 'accepted', accepted) end
if duplicates > 0 then redis.call('HINCRBY', COUNTERS, 'duplicate', duplicates) end

-- A running deliver task claims again within a moment, or when it hears the bell, which need not be
-- rung twice. Whether more tasks are needed is checked for lists, and for one lone event in 64.
if accepted == 0 then return answer end
local may_wait = is_lone and not is_chosen
if may_wait and redis.call('EXISTS', BELL) == 1 then return answer end
if may_wait and live_wakeups() > 0 then
  ring_bell()
  return answer
end

-- No worker is alive, so there is none to wake.
if redis.call('ZCOUNT', WORKERS, now, now + WORKER_TTL) == 0 then return answer end

-- While the breaker is open, tickers send the wake-ups for probes.
if redis.call('HEXISTS', BREAKER, 'state') == 1 then return answer end
local tokens = {}
for token in string.gmatch(ARGV[2], '%S+') do tokens[#tokens + 1] = token end
answer[1], answer[2], answer[3] = register_by_template(tokens)
save_counts()
return answer
