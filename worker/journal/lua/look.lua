-- parts: common gate events
-- flags: no-writes

-- Finds the event args.id.
-- Answers {place, score, record, raw event, {dedupe generation in which it finished, when that began}};
-- the place is 'due', 'claimed', 'waiting', 'dead', 'finished' (its id is remembered) or 'unknown'.
local id = args.id
local record = redis.call('HGET', PROGRESS, id) or ''
local raw = redis.call('HGET', EVENTS, id) or ''

local died = redis.call('ZSCORE', DEAD, id)
if died then return {'dead', died, record, raw, {}} end

local due = redis.call('ZSCORE', DUE, id)
if due then
  local place = 'due'
  if tonumber(due) > now then
    place = redis.call('ZSCORE', CLAIMED, id) and 'claimed' or 'waiting'
  end
  return {place, due, record, raw, {}}
end

local current = generation()
for number = current, current - 1, -1 do
  if redis.call('SISMEMBER', DONE .. number, id) == 1 then
    return {'finished', '', '', '', {number, number * window}}
  end
end
return {'unknown', '', '', '', {}}
