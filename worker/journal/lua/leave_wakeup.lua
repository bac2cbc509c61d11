-- parts: common
-- flags: allow-oom

-- Tells clients where and how to wake workers: args.wakeup is put into args.list.
redis.call('HSET', SHARED, 'list', args.list, 'wakeup', args.wakeup)
return 0
