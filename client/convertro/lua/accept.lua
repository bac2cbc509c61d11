-- parts: common gate

-- ARGV[2]: wake-up tokens, with spaces between; then id, raw event, id, raw event, …
-- Answers {wake-ups rung, then 1 (accepted) or 0 (duplicate) for each event}.

-- The last tenth of the memory is for the workers: if intake filled it, wake-ups and Celery's
-- own commands would be refused, and what is in the journal could never leave it.
local function is_full()
  local memory = redis.pcall('INFO', 'memory')
  if type(memory) ~= 'string' then return false end  -- no server but an imitation of one
  local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
  local limit = tonumber(string.match(memory, 'maxmemory:(%d+)'))
  return used and limit and limit > 0 and used > FULL_SHARE * limit
end

-- To ask takes as long as half of the rest. So a list asks, and one of sixteen lone events; and
-- all of them while the last who asked found Redis full.
if breaker.full or is_chosen or #ARGV > 4 then
  local full = is_full()
  if full and not breaker.full then redis.call('HSET', BREAKER, 'full', 1) end
  if breaker.full and not full then redis.call('HDEL', BREAKER, 'full') end
  breaker.full = nil
  if full then
    return redis.error_reply('OOM nine tenths of maxmemory are used, the rest is for the workers')
  end
end

local answer = {0}
local accepted, duplicates = 0, 0

for position = 3, #ARGV, 2 do
  local id = ARGV[position]
  if is_done(id) or redis.call('HSETNX', EVENTS, id, ARGV[position + 1]) == 0 then
    duplicates = duplicates + 1
    answer[#answer + 1] = 0
  else
    redis.call('ZADD', DUE, now, id)
    accepted = accepted + 1
    answer[#answer + 1] = 1
  end
end

if accepted > 0 then
  count('accepted', accepted)
  args.tokens = {}
  for token in string.gmatch(ARGV[2], '%S+') do table.insert(args.tokens, token) end
  answer[1] = ring(not is_chosen and #ARGV == 4)
end
if duplicates > 0 then count('duplicate', duplicates) end
settle()
return answer
