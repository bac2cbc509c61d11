-- parts: common
-- flags: allow-oom

-- Writes as the steps do and changes nothing: whatever refuses them refuses this. args.id is in no
-- key.
for _, key in ipairs({DUE, DEAD, WORKERS, WAKEUPS}) do
  redis.call('ZADD', key, 'XX', 0, args.id)
  redis.call('ZREM', key, args.id)
end
redis.call('HINCRBY', COUNTERS, args.id, 0)
redis.call('HDEL', COUNTERS, args.id)
return 0
