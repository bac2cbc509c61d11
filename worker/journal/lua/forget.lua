-- parts: common
-- flags: allow-oom

-- Takes silent workers of a node, or the one of a whole name, args.name, off the list; what they held
-- comes back when its lease ends. Answers {how many, how many of them are alive and stay}.
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
