-- parts: common
-- flags: allow-oom

-- Removes silent workers from the list: those of the node args.name, or the worker of this full name.
-- Events that they claimed are due when their leases end. Answers {how many were removed, how many of
-- these workers are alive and stay}.
local forgotten, alive = 0, 0
local living = {}
for _, member in ipairs(live_workers()) do living[member] = true end
for _, member in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
  if string.match(member, '^%d+ ([^/]*)') == args.name or name_of(member) == args.name then
    if living[member] then
      alive = alive + 1
    else
      remove_worker(member)
      forgotten = forgotten + 1
    end
  end
end
return {forgotten, alive}
