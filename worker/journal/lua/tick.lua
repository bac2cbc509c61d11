-- parts: common gate events shared
-- flags: allow-oom

-- A worker's heartbeat: registers its capacity as args.worker ('<tasks at once> <name>'),
-- removes dead letters beyond their bounds, and registers wake-ups for due events without one. Counts
-- the messages that the worker dropped since its last tick: args.foreign has their number by kind.
-- Answers {number of wake-ups to send, news, disagreement, now}; `news` is JSON for the worker's log. If
-- the worker's shared values differ from the stored ones, nothing is done: of two workers that start
-- at the same time, one has to stop.
local found = disagreement()
if #found > 0 then return {0, '', found, now} end
if redis.call('HEXISTS', SHARED, 'format') == 0 then store_shared() end

-- Most dead letters that one tick removes, at some 60 µs each; the next tick goes on.
local MOST_REMOVALS = 30

-- Silent workers: how many one tick checks, which is as many as are shown, and how long they stay on
-- the list, in milliseconds.
local MOST_SILENT, SILENT_STAYS = 1000, 86400000

begin_slot()

redis.call('ZREMRANGEBYSCORE', WAKEUPS, '-inf', now)
still_bell()

for kind, number in pairs(args.foreign) do count('foreign:' .. kind, number) end

-- A silent worker stays on the list until another of the same node name (the part before the slash)
-- takes its place, at most for a day; without a live worker it stays.
local node = string.match(args.worker, '^%d+ ([^/]*)/')
local silent = redis.call(
  'ZRANGEBYSCORE', WORKERS, '-inf', '(' .. string.format('%d', now), 'WITHSCORES', 'LIMIT', 0,
  MOST_SILENT)
for position = 1, #silent, 2 do
  local member, until_ms = silent[position], tonumber(silent[position + 1])
  local is_mine = node and member ~= args.worker and string.match(member, '^%d+ ([^/]*)/') == node
  if is_mine or until_ms < now - SILENT_STAYS then remove_worker(member) end
end
redis.call('ZADD', WORKERS, now + WORKER_TTL, args.worker)
redis.call('ZADD', ASKED, 'NX', now, name_of(args.worker))

-- The most deliveries in ten seconds in this week and in the last: how fast a backlog may shrink.
local week = math.floor(now / 604800000)
local delivered = tonumber(redis.call('HGET', RECENT .. slot - 1, 'delivered') or 0)
local known, fastest = unpack(redis.call('HMGET', LATEST, 'week', 'fastest'))
known, fastest = tonumber(known or 0), tonumber(fastest or 0)
if known ~= week then
  latest.week, latest.fastest = week, delivered
  latest.fastest_last = known == week - 1 and fastest or 0
elseif delivered > fastest then
  latest.fastest = delivered
end

-- UNLINK frees a set in the background. An expiry does not: with a million ids it keeps Redis from
-- answering for more than a second.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', GENERATIONS, '-inf', now, 'LIMIT', 0, 10)) do
  redis.call('UNLINK', key)
  redis.call('ZREM', GENERATIONS, key)
end

local oldest = now - DEAD_MAX_AGE
local old = redis.call('ZRANGEBYSCORE', DEAD, '-inf', oldest, 'LIMIT', 0, MOST_REMOVALS)
for _, id in ipairs(old) do remove(id, 'dead_expired') end
keep_bounds(MOST_REMOVALS - #old)

-- If Redis's clock ran ahead and was set back, events are due too far in the future. That is sure of an
-- event that was never claimed and is not due yet, and of one that waits longer than LONGEST_WAIT. A
-- tick checks LOOKS_AT waiting events of each kind, and goes on while all of these are wrong.
local LOOKS_AT, MOST_ENDED = 50, 500
local ended = 0

local function end_waits(beyond, is_wrong)
  local from, before = '(' .. string.format('%.0f', beyond), nil
  repeat
    before = ended
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, from, '+inf', 'LIMIT', 0, LOOKS_AT)) do
      if is_wrong(id) then
        redis.call('ZADD', DUE, now, id)
        redis.call('ZADD', CLAIMED, 'XX', now, id)
        ended = ended + 1
      end
    end
  until ended - before < LOOKS_AT or ended >= MOST_ENDED
end

end_waits(now, function(id) return redis.call('HEXISTS', PROGRESS, id) == 0 end)
end_waits(now + LONGEST_WAIT, function() return true end)
if ended > 0 then
  news.ended = ended
  count('waits_ended', ended)
end

load_breaker()
local wakeups = register_wakeups(args.tokens, BATCH)
settle()
return {wakeups, news_text(), {}, now}
