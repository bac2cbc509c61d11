-- parts: common gate events
-- flags: allow-oom

-- Makes the dead letters among args.ids due now, with a new retry horizon; calls that Convertro
-- accepted stay accepted. args.died has the time of death by which each letter was chosen.
-- A call that was rejected and cannot have arrived gets this redrive's number in its idempotency key,
-- because some vendors repeat their stored answer to a key. A call that may have arrived keeps its key,
-- because otherwise the vendor might count it twice.
-- Answers {number of wake-ups to send, the broker's list for them, a template of the wake-up; then for
-- each id 1 (redriven) or 0 (it was not dead, or has another time of death)}.
load_breaker()
local answer = {0, '', ''}
local redriven = 0

local function give_new_keys(record)
  local doubts = record.in_doubt or {}
  for _, call in ipairs(record.rejected or {}) do
    if not (doubts[call] or doubts['*']) then
      record.key_numbers = record.key_numbers or {}
      record.key_numbers[call] = record.redriven
    end
  end
  record.rejected = nil
end

for number, id in ipairs(args.ids) do
  local record = load_record(id)
  local moved = record and take_from_dead(id, record, args.died[number])
  if moved then
    record.reason, record.class, record.status = nil, nil, nil
    record.postponed, record.tried_at, record.leases_lost = nil, nil, nil
    record.reviewed = record.in_doubt and true or nil
    record.redriven = (record.redriven or 0) + 1
    give_new_keys(record)
    save_record(id, record)
    redis.call('ZADD', DUE, now, id)
    redriven = redriven + 1
  end
  answer[#answer + 1] = moved and 1 or 0
end

if redriven > 0 then
  count('redriven', redriven)
  answer[1], answer[2], answer[3] = register_by_template(args.tokens)
end
settle()
return answer
