-- parts: common gate events shared
-- flags: allow-oom

-- A worker's heartbeat: registers its capacity as args.worker ('<tasks at once> <name>'),
-- removes dead letters beyond their bounds, and rings for due events without a wake-up. Counts the
-- messages that the worker dropped since its last tick: args.foreign is how many by kind.
-- Answers {wake-ups rung, news, disagreement, now}; the news, as JSON, is what the worker should log. With
-- a worker that disagrees about what is shared, nothing was done: two may start at the same time, and
-- one of them has to go.
local found = disagreement()
if #found > 0 then return {0, '', found, now} end
if redis.call('HEXISTS', SHARED, 'format') == 0 then say_shared() end

-- Dead letters that one tick removes, some 60 µs each; the next one goes on.
local MOST_REMOVALS = 30

-- Workers that went silent: how many one tick looks at, as many as are shown, and for how long they
-- stay, in milliseconds.
local MOST_SILENT, SILENT_STAYS = 1000, 86400000

begin_slot()

redis.call('ZREMRANGEBYSCORE', WAKEUPS, '-inf', now)
still_bell()

for kind, number in pairs(args.foreign) do count('foreign:' .. kind, number) end

-- A worker that went silent stays on the list until another one takes its place, for a day at most:
-- the node name is what is before the slash. If no worker is alive to forget it, it stays.
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

-- The fastest ten seconds of this week and of the one before: what a backlog can hope for.
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

-- UNLINK frees a set in the background. An expiry would not: to free a million ids that way keeps
-- Redis from answering for more than a second.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', GENERATIONS, '-inf', now, 'LIMIT', 0, 10)) do
  redis.call('UNLINK', key)
  redis.call('ZREM', GENERATIONS, key)
end

local oldest = now - DEAD_MAX_AGE
local old = redis.call('ZRANGEBYSCORE', DEAD, '-inf', oldest, 'LIMIT', 0, MOST_REMOVALS)
for _, id in ipairs(old) do remove(id, 'dead_expired') end
keep_bounds(MOST_REMOVALS - #old)

-- Times that a clock of Redis's left behind which ran ahead and was put right: what was never claimed
-- waits for nothing, and nothing waits longer than LONGEST_WAIT. A tick looks at a few of those that
-- wait, and goes on while all of them are wrong.
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
local rung = ring(args.tokens, BATCH)
settle()
return {rung, news_text(), {}, now}
