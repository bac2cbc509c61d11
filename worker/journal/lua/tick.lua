-- parts: common gate events
-- flags: allow-oom

-- A worker's heartbeat: registers its capacity as args.worker ('<tasks at once> <name>'),
-- removes dead letters beyond their bounds, and rings for due events without a wake-up. Counts the
-- messages that the worker dropped since its last tick: args.foreign is how many by kind.
-- Answers {wake-ups rung, ids removed for their age, ids removed for the count}.
redis.call('ZREMRANGEBYSCORE', WAKEUPS, '-inf', now)

for kind, number in pairs(args.foreign) do count('foreign:' .. kind, number) end

-- A worker that went silent stays on the list for an hour, unless another one took its place:
-- the node name is what is before the slash.
local SILENT, node = 3600000, string.match(args.worker, '^%d+ ([^/]*)/')
local silent = redis.call('ZRANGEBYSCORE', WORKERS, '-inf', '(' .. string.format('%d', now))
for _, member in ipairs(silent) do
  local is_mine = node and member ~= args.worker and string.match(member, '^%d+ ([^/]*)/') == node
  if is_mine or tonumber(redis.call('ZSCORE', WORKERS, member)) < now - SILENT then
    redis.call('ZREM', WORKERS, member)
    redis.call('ZREM', ASKED, string.match(member, '^%d+ (.*)$'))
  end
end
redis.call('ZADD', WORKERS, now + settings.worker_ttl, args.worker)
redis.call('ZADD', ASKED, 'NX', now, string.match(args.worker, '^%d+ (.*)$'))

-- The fastest ten seconds of this week and of the one before: what a backlog can hope for.
local week = math.floor(now / 604800000)
local last_slot = slot_key(math.floor(now / SLOT) - 1)
local delivered = tonumber(redis.call('HGET', last_slot, 'delivered') or 0)
local known, fastest = unpack(redis.call('HMGET', LATEST, 'week', 'fastest'))
known, fastest = tonumber(known or 0), tonumber(fastest or 0)
if known ~= week then
  latest.week, latest.fastest = week, delivered
  latest.fastest_last = known == week - 1 and fastest or 0
elseif delivered > fastest then
  latest.fastest = delivered
end

local function remove(ids, reason)
  for _, id in ipairs(ids) do discard(id, reason) end
  return ids
end

local oldest = now - settings.dead_max_age
local expired = remove(
  redis.call('ZRANGEBYSCORE', DEAD, '-inf', oldest, 'LIMIT', 0, settings.dead_step), 'dead_expired')

local excess = redis.call('ZCARD', DEAD) - settings.dead_max_count
local overflow = {}
if excess > 0 then
  overflow = remove(
    redis.call('ZRANGE', DEAD, 0, math.min(excess, settings.dead_step) - 1), 'dead_overflow')
end

local rung = ring()
settle()
return {rung, expired, overflow}
