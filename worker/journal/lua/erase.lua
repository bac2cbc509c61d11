-- parts: common gate events
-- flags: allow-oom

-- Removes the events args.ids from the journal. Those that are due, waiting or dead are removed at
-- once; one that a worker has claimed is removed when the worker finishes it or its lease ends. The id
-- of a finished event is forgotten.
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
