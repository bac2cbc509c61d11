-- parts: common
-- flags: allow-oom

-- Takes silent workers of a node, or the one of a whole name, args.name, off the list; what they held
-- comes back when its lease ends. Answers {how many, how many of them are alive and stay}.
local forgotten, alive = 0, 0
local living = {}
for _, member in ipairs(live_workers()) do living[member] = true end
for _, member in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
  local node, name = string.match(member, '^%d+ ([^/]*)'), string.match(member, '^%d+ (.*)$')
  if node == args.name or name == args.name then
    if living[member] then
      alive = alive + 1
    else
      redis.call('ZREM', WORKERS, member)
      redis.call('ZREM', ASKED, name)
      forgotten = forgotten + 1
    end
  end
end
return {forgotten, alive}
