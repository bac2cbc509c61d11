-- parts: common shared
-- flags: allow-oom

-- A worker, args.worker, is about to start: what it and all others must agree on becomes what it
-- says, unless another one is alive and says otherwise, or what the keys hold is of a newer format.
-- Then what the others say is the answer, as {name, value, …}; it is empty if they agree.
local format = redis.call('HGET', SHARED, 'format')
if format and tonumber(format) > tonumber(FORMAT) then return {'format', format} end

local others_live = false
for _, member in ipairs(live_workers()) do
  if name_of(member) ~= args.worker then others_live = true end
end
local found = others_live and disagreement() or {}
if #found == 0 then say_shared() end
return found
