-- Carries out args.finishes, then hands out up to args.limit due events under the lease
-- args.lease. Answers {state, answers to the finishes, then id, raw event, record for each
-- event}; the state is
--   'surplus'  enough wake-ups run already, this one should end
--   'idle'     nothing is due and the wake-up token was given back, as args.idle asked
--   'claimed'  go on
local finished = carry_out_all(args.finishes)

local until_ms = redis.call('ZSCORE', WAKEUPS, args.wakeup)
if not (until_ms and tonumber(until_ms) >= now) and live_wakeups() >= capacity() then
  return {'surplus', finished}
end

local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'WITHSCORES', 'LIMIT', 0, args.limit)
if #due == 0 and args.idle then
  redis.call('ZREM', WAKEUPS, args.wakeup)
  return {'idle', finished}
end
renew_wakeup(args.wakeup)

local answer = {'claimed', finished}
local lost = 0
for position = 1, #due, 2 do
  local id = due[position]
  local record = load_record(id)
  if not record then
    -- Untouched so far: its score is still the time at which it was accepted.
    record = {accepted_at = tonumber(due[position + 1])}
  elseif record.lease then
    record.leases_lost = (record.leases_lost or 0) + 1
    lost = lost + 1
  end
  record.lease = args.lease
  save_record(id, record)
  redis.call('ZADD', DUE, now + args.lease_ms, id)
  redis.call('ZADD', CLAIMED, now + args.lease_ms, id)
  answer[#answer + 1] = id
  answer[#answer + 1] = redis.call('HGET', EVENTS, id) or ''
  answer[#answer + 1] = cjson.encode(record)
end
if lost > 0 then count('leases_lost', lost) end
return answer
