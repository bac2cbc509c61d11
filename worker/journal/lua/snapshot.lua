-- parts: common gate
-- flags: no-writes

-- Everything that status and the audit's equation need, at one instant.
-- Answers a flat list of names and values.
local first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
local first_tried = redis.call('ZRANGE', TRIED, 0, 0, 'WITHSCORES')
local current = generation()

local recent = {}
if args.recent then
  local slot = math.floor(now / SLOT)
  for number = slot - SLOTS, slot do
    local flat = redis.call('HGETALL', slot_key(number))
    if #flat > 0 then
      recent[#recent + 1] = number
      recent[#recent + 1] = flat
    end
  end
end

return {
  'now', now,
  'counters', redis.call('HGETALL', COUNTERS),
  'recent', recent,
  'latest', redis.call('HGETALL', LATEST),
  'due_now', redis.call('ZCOUNT', DUE, '-inf', now),
  'unfinished', redis.call('ZCARD', DUE),
  'claimed', redis.call('ZCOUNT', CLAIMED, '(' .. string.format('%d', now), '+inf'),
  'first_due', first[2] or '',
  'tried', redis.call('ZCARD', TRIED),
  'first_tried', first_tried[2] or '',
  'dead', redis.call('ZCARD', DEAD),
  'deaths', redis.call('HGETALL', DEATHS),
  'stored', redis.call('HLEN', EVENTS),
  'wakeups', live_wakeups(),
  'workers', redis.call('ZRANGE', WORKERS, 0, -1, 'WITHSCORES'),
  'asked', redis.call('ZRANGE', ASKED, 0, -1, 'WITHSCORES'),
  'remembered', redis.call('SCARD', done_key(current)) + redis.call('SCARD', done_key(current - 1)),
  'breaker', redis.call('HGETALL', BREAKER),
  'pause', redis.call('GET', PAUSE) or '',
}
