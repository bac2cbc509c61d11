-- parts: common gate events
-- flags: allow-oom

-- Discards the dead letters among args.ids, counted as discarded:<args.reason>; args.died has the time
-- of death by which each was chosen.
-- Answers for each id 1 (discarded) or 0 (it was not dead, or has another time of death).
if not DISCARD_REASONS[args.reason] then error('unknown reason: ' .. args.reason) end
local answer = {}
for number, id in ipairs(args.ids) do
  answer[number] = discard(id, args.reason, args.died[number]) and 1 or 0
end
settle()
return answer
