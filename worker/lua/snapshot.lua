-- Everything that status and the audit's equation need, at one instant.
-- Answers {now, counters, due now, due or claimed, claimed, dead, events, records,
--          oldest due score, live wake-ups, workers with scores, ids remembered, breaker, pause}.
local oldest = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
local current = generation()
return {
  now,
  redis.call('HGETALL', COUNTERS),
  redis.call('ZCOUNT', DUE, '-inf', now),
  redis.call('ZCARD', DUE),
  redis.call('ZCOUNT', CLAIMED, '(' .. string.format('%d', now), '+inf'),
  redis.call('ZCARD', DEAD),
  redis.call('HLEN', EVENTS),
  redis.call('HLEN', PROGRESS),
  oldest[2] or '',
  live_wakeups(),
  live_workers('WITHSCORES'),
  redis.call('SCARD', done_key(current)) + redis.call('SCARD', done_key(current - 1)),
  redis.call('HGETALL', BREAKER),
  redis.call('GET', PAUSE) or '',
}
