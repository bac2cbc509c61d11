-- parts: common
-- flags: allow-oom

-- Stores for clients how to wake workers: by putting args.wakeup into the list args.list.
redis.call('HSET', SHARED, 'list', args.list, 'wakeup', args.wakeup)
return 0
