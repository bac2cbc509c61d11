-- ARGV[2..]: id, raw event, id, raw event, …
-- Answers {wake-ups rung, then 1 (accepted) or 0 (duplicate) for each event}.
local answer = {0}
local accepted, duplicates = 0, 0

for position = 2, #ARGV, 2 do
  local id = ARGV[position]
  if redis.call('HEXISTS', EVENTS, id) == 1 or is_done(id) then
    duplicates = duplicates + 1
    answer[#answer + 1] = 0
  else
    redis.call('HSET', EVENTS, id, ARGV[position + 1])
    redis.call('ZADD', DUE, now, id)
    accepted = accepted + 1
    answer[#answer + 1] = 1
  end
end

if accepted > 0 then
  count('accepted', accepted)
  answer[1] = ring()
end
if duplicates > 0 then count('duplicate', duplicates) end
return answer
