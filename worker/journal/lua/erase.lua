-- parts: common gate events
-- flags: allow-oom

-- Takes the events among args.ids out of the journal: due, waiting or dead ones at once; one that a
-- worker holds goes as soon as the worker is done with it or its lease ends.
-- Of one that is finished the id is remembered no more.
-- Answers 'erased', 'claimed', 'finished' or 'absent' for each id.
local function unremember(id)
  local current = redis.call('SREM', DONE .. generation(), id)
  return current + redis.call('SREM', DONE .. generation() - 1, id) > 0
end

local answer = {}
for number, id in ipairs(args.ids) do
  local record = load_record(id)
  local lease_ends = redis.call('ZSCORE', CLAIMED, id)
  if redis.call('HEXISTS', EVENTS, id) == 0 then
    answer[number] = unremember(id) and 'finished' or 'absent'
  elseif record and lease_ends and tonumber(lease_ends) > now then
    record.erase = true
    save_record(id, record)
    answer[number] = 'claimed'
  else
    erase(id, record)
    answer[number] = 'erased'
  end
end
settle()
return answer
