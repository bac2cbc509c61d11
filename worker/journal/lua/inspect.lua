-- parts: common gate events
-- flags: no-writes

-- Checks for an audit that all keys agree about each event of args.ids.
-- Answers for each event what is wrong, '' if nothing is.
local function has_its_size(id, record)
  local size = record.size
  record.size = nil
  return size == redis.call('HSTRLEN', EVENTS, id) + #cjson.encode(record)
end

local function problem(id)
  local stored = redis.call('HEXISTS', EVENTS, id) == 1
  local due = redis.call('ZSCORE', DUE, id)
  local dead = redis.call('ZSCORE', DEAD, id)
  local claimed = redis.call('ZSCORE', CLAIMED, id)
  local record = load_record(id)
  if due and dead then return 'both due and dead' end
  if (due or dead) and not stored then return 'its event is missing' end
  if stored and not (due or dead) then return 'neither due nor dead' end
  if record and not stored then return 'a record without an event' end
  if stored and is_done(id) then return 'finished but still here' end
  if dead and not (record and record.reason) then return 'dead without a reason' end
  if claimed and not (due and record and record.lease) then return 'claimed without a lease' end
  if record and record.lease and not claimed then return 'a lease without a claim' end
  if redis.call('ZSCORE', TRIED, id) and not due then return 'tried but not due' end
  if redis.call('HEXISTS', SENT, id) == 1 and not dead then return 'a sent call, but not dead' end
  local worth = redis.call('ZSCORE', WORTH, id)
  if worth and not dead then return 'a worth, but not dead' end
  if dead and tonumber(worth) ~= (record.worth or 0) * WORTH_STEP + tonumber(dead) then
    return 'dead without its worth'
  end
  if dead and not has_its_size(id, record) then return 'dead with a wrong number of bytes' end
  return ''
end

local answer = {}
for number, id in ipairs(args.ids) do answer[number] = problem(id) end
return answer
