-- parts: common gate
-- flags: no-writes

-- Reads all figures of `convertro status` and of the audit's sum at one instant, without the counts of
-- past slots.
-- Answers a flat list of names and values.
local first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
local first_tried = redis.call('ZRANGE', TRIED, 0, 0, 'WITHSCORES')
local current = generation()

-- Most workers to show: those that ticked last.
local MOST_WORKERS = 1000

return {
  'now', now,
  'counters', redis.call('HGETALL', COUNTERS),
  'totals', redis.call('HGETALL', TOTALS),
  'slot', redis.call('HGET', SHARED, 'slot') or '',
  'latest', redis.call('HGETALL', LATEST),
  'due_now', redis.call('ZCOUNT', DUE, '-inf', now),
  'unfinished', redis.call('ZCARD', DUE),
  'claimed', redis.call('ZCOUNT', CLAIMED, '(' .. string.format('%d', now), '+inf'),
  'first_due', first[2] or '',
  'tried', redis.call('ZCARD', TRIED),
  'first_tried', first_tried[2] or '',
  'dead', redis.call('ZCARD', DEAD),
  'deaths', redis.call('HGETALL', DEATHS),
  'valued', redis.call('ZCARD', WORTH),
  'stored', redis.call('HLEN', EVENTS),
  'wakeups', live_wakeups(),
  'workers', redis.call('ZRANGE', WORKERS, -MOST_WORKERS, -1, 'WITHSCORES'),
  'asked', redis.call('ZRANGE', ASKED, -MOST_WORKERS, -1, 'WITHSCORES'),
  'remembered', redis.call('SCARD', DONE .. current) + redis.call('SCARD', DONE .. current - 1),
  'window', window,
  'breaker', redis.call('HGETALL', BREAKER),
  'batch', redis.call('HGET', SHARED, 'batch') or '',
  'lease', redis.call('HGET', SHARED, 'lease') or '',
  'pause', redis.call('GET', PAUSE) or '',
}
