-- parts: common shared
-- flags: allow-oom

-- Called before a worker, args.worker, starts. Its values of what all workers must agree on (AGREED in
-- shared.lua) are stored. If another live worker has other values, or the keys are of a newer format,
-- nothing is stored, and the answer is the other values as {name, value, …}; otherwise it is empty.
local format = redis.call('HGET', SHARED, 'format')
if format and tonumber(format) > tonumber(FORMAT) then return {'format', format} end

local others_live = false
for _, member in ipairs(live_workers()) do
  if name_of(member) ~= args.worker then others_live = true end
end
local found = others_live and disagreement() or {}
if #found == 0 then store_shared() end
return found
