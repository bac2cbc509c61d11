-- parts: common gate events
-- flags: allow-oom

-- Sends the dead letters among args.ids back to be due now, with a fresh retry budget;
-- calls that Convertro accepted stay accepted. args.died says of which death each was chosen.
-- Answers {wake-ups rung, then 1 (sent back) or 0 (was not dead, or died again since) for each id}.
local answer = {0}
local redriven = 0

for number, id in ipairs(args.ids) do
  local record = load_record(id)
  local moved = record and undie(id, record, args.died[number])
  if moved then
    record.reason, record.class, record.status = nil, nil, nil
    record.postponed, record.tried_at, record.leases_lost = nil, nil, nil
    record.refusals, record.refused_at = nil, nil
    record.reviewed = record.in_doubt and true or nil
    record.redriven = (record.redriven or 0) + 1
    save_record(id, record)
    redis.call('ZADD', DUE, now, id)
    redriven = redriven + 1
  end
  answer[#answer + 1] = moved and 1 or 0
end

if redriven > 0 then
  count('redriven', redriven)
  answer[1] = ring()
end
settle()
return answer
