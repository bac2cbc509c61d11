-- parts: common gate events
-- flags: allow-oom

-- Lets the dead letters among args.ids go, counted as discarded:<args.reason>; args.died says of
-- which death each was chosen.
-- Answers 1 (discarded) or 0 (was not dead, or died again since) for each id.
if not DISCARD_REASONS[args.reason] then error('unknown reason: ' .. args.reason) end
local answer = {}
for number, id in ipairs(args.ids) do
  answer[number] = discard(id, args.reason, args.died[number]) and 1 or 0
end
settle()
return answer
