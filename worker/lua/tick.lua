-- A worker's heartbeat: registers its capacity as args.worker ('<tasks at once> <name>'),
-- removes dead letters beyond their bounds, and rings for due events without a wake-up.
-- Answers {wake-ups rung, ids removed for their age, ids removed for the count}.
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now)
redis.call('ZREMRANGEBYSCORE', WAKEUPS, '-inf', now)
redis.call('ZADD', WORKERS, now + args.worker_ttl, args.worker)

local function remove(ids, reason)
  for _, id in ipairs(ids) do discard(id, reason) end
  return ids
end

local oldest = now - args.dead_max_age
local expired = remove(
  redis.call('ZRANGEBYSCORE', DEAD, '-inf', oldest, 'LIMIT', 0, args.dead_step), 'dead_expired')

local excess = redis.call('ZCARD', DEAD) - args.dead_max_count
local overflow = {}
if excess > 0 then
  overflow = remove(
    redis.call('ZRANGE', DEAD, 0, math.min(excess, args.dead_step) - 1), 'dead_overflow')
end

return {ring(), expired, overflow}
