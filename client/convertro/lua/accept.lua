-- parts: common gate
-- rights: ZADD HINCRBY

-- ARGV[2]: wake-up tokens, with spaces between; then id, raw event, id, raw event, …
-- Answers {wake-ups rung, their list, what to put there; then 1 (accepted) or 0 (duplicate) for each
-- event}.
--
-- What producers and workers must agree on is said by the workers: see shared.lua. Until the first of
-- them comes, nothing was ever finished here, so that no id is remembered.
local clients, dedupe, was_full, noted = unpack(
  redis.call('HMGET', SHARED, 'clients', 'dedupe', 'full', 'slot'))
if clients and not string.find(clients, CLIENT_FORMAT, 1, true) then
  return redis.error_reply('FORMAT' .. clients)
end

local is_lone = #ARGV == 4

-- The last tenth of the memory is for the workers: if intake filled it, wake-ups and Celery's
-- own commands would be refused, and what is in the journal could never leave it.
-- To ask takes as long as half of the rest. So a list asks, and one of 64 lone events; and
-- all of them while the last who asked found Redis full.
if was_full or is_chosen or not is_lone then
  local memory = redis.pcall('INFO', 'memory')
  local is_full = false
  if type(memory) == 'string' then  -- else it is no server but an imitation of one
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

-- Sets of finished ids, the current one and the one before.
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

-- A deliver task that runs looks for more within a moment, or at the bell, which need not be rung
-- again before it was heard. Whether it needs help may as well show a little later, after one lone
-- event of 64.
if accepted == 0 then return answer end
local may_wait = is_lone and not is_chosen
if may_wait and redis.call('EXISTS', BELL) == 1 then return answer end
if may_wait and live_wakeups() > 0 then
  ring_bell()
  return answer
end

-- Where no worker is alive, nobody is there to be woken.
if redis.call('ZCOUNT', WORKERS, now, now + WORKER_TTL) == 0 then return answer end

-- While deliveries are held, tickers see to the probes.
if redis.call('HEXISTS', BREAKER, 'state') == 1 then return answer end
local tokens = {}
for token in string.gmatch(ARGV[2], '%S+') do tokens[#tokens + 1] = token end
answer[1], answer[2], answer[3] = ring_by_template(tokens)
save_counts()
return answer
