-- What becomes of an event, and its record. Put after gate.lua before scripts that move events.

-- Records as this step knows them: false for an event that has none, or is gone.
local records = {}

-- Reads the records of many at once.
local function load_records(ids)
  for number, text in ipairs(redis.call('HMGET', PROGRESS, unpack(ids))) do
    records[ids[number]] = text and cjson.decode(text)
  end
end

local function load_record(id)
  if records[id] == nil then load_records({id}) end
  return records[id]
end

-- How many dead letters there are now: by reason and status, how many are in doubt, and how many
-- bytes all of them have.
local function note_deaths(field, change)
  deaths[field] = (deaths[field] or 0) + change
end

-- Notes in the record of a dead letter how many bytes it has: its event, and this record without
-- the note.
local function weigh(id, record)
  local before = record.size or 0
  record.size = nil
  record.size = redis.call('HSTRLEN', EVENTS, id) + #cjson.encode(record)
  note_deaths('bytes', record.size - before)
end

local function save_record(id, record)
  if record.reason then weigh(id, record) end
  records[id] = record
  redis.call('HSET', PROGRESS, id, cjson.encode(record))
end

local function note_death(record, change)
  local status = record.status and string.format(' %d', record.status) or ''
  note_deaths(record.reason .. status, change)
  if record.in_doubt then note_deaths('in_doubt', change) end
end

-- The event is dead no longer; answers whether it was, and by the death of `died_at` if that is
-- given: who chose a letter did not choose what the same event dies of later.
local function undie(id, record, died_at)
  local at = redis.call('ZSCORE', DEAD, id)
  if not at or (died_at and tonumber(at) ~= died_at) then return false end
  redis.call('ZREM', DEAD, id)
  redis.call('ZREM', WORTH, id)
  redis.call('HDEL', SENT, id)
  if record then
    note_death(record, -1)
    note_deaths('bytes', -(record.size or 0))
    record.size, record.worth = nil, nil
  end
  return true
end

-- Events are neither due nor claimed any more.
local function undue(ids)
  redis.call('ZREM', DUE, unpack(ids))
  redis.call('ZREM', CLAIMED, unpack(ids))
  redis.call('ZREM', TRIED, unpack(ids))
end

-- How an event finished, in ten bytes: six for a digest of its id, three for the seconds since its
-- generation began, and a letter: see worker/journal/endings.py, which looks for the digest when
-- somebody asks for one event.
-- Four bytes at a time; nothing gets beyond 2^53, up to which numbers are exact.
local function digest_of(id)
  local byte, digest = string.byte, 0
  for position = 1, #id, 4 do
    local a, b, c, d = byte(id, position, position + 3)
    local word = a + 256 * (b or 0) + 65536 * (c or 0) + 16777216 * (d or 0)
    digest = (digest * 127 + word) % 17592186044399
  end
  return digest
end

local function last_bytes(number)
  local last = number % 256
  local rest = (number - last) / 256
  local middle = rest % 256
  return (rest - middle) / 256, middle, last
end

local seconds_noted = nil

local function note_ending(id, letter)
  seconds_noted = seconds_noted or string.char(last_bytes(math.floor(now % window / 1000)))
  local digest = digest_of(id)
  local low = digest % 16777216
  local a, b, c = last_bytes((digest - low) / 16777216)
  endings[#endings + 1] = string.char(a, b, c, last_bytes(low)) .. seconds_noted .. letter
end

-- Events leave the journal.
local function remove_events(ids)
  redis.call('HDEL', EVENTS, unpack(ids))
  redis.call('HDEL', PROGRESS, unpack(ids))
  for _, id in ipairs(ids) do records[id] = false end
end

-- They leave it for good; only their ids are remembered, in a set that has no expiry: to free a
-- million ids at once would keep Redis from answering. See tick.lua.
local is_generation_known = false

local function forget(ids)
  remove_events(ids)
  local key = DONE .. generation()
  redis.call('SADD', key, unpack(ids))
  if not is_generation_known then
    local over = (generation() + 2) * window
    redis.call('ZADD', GENERATIONS, over, key, over, ENDINGS .. generation())
    is_generation_known = true
  end
end

-- The event leaves the journal, id and all: an operator erases a person.
local function erase(id, record)
  if not undie(id, record) then undue({id}) end
  remove_events({id})
  count('discarded:erased')
end

-- A dead letter is let go, counted under its reason.
local function discard(id, reason, died_at)
  if not undie(id, load_record(id), died_at) then return false end
  forget({id})
  note_ending(id, DISCARD_REASONS[reason])
  count('discarded:' .. reason)
  return true
end

-- Dead letters are in the order of their worth (`Worth` in worker/journal/records.py) and, among
-- equals, of their deaths. One of which nobody said its worth may be worth the most.
local WORTH_STEP = 1e13

-- Letters that a step removes at most beyond one for each that it buries: some 50 µs each.
local SPARE_REMOVALS = 8

-- Ids that are told of many.
local TOLD_IDS = 10

-- A dead letter beyond a bound is let go; what may have brought money has a counter of its own.
local function remove(id, reason)
  local score = tonumber(redis.call('ZSCORE', WORTH, id) or MOST_WORTH * WORTH_STEP)
  if math.floor(score / WORTH_STEP) == MOST_WORTH then
    reason = reason .. '_revenue'
    latest.revenue_removed_at = string.format('%.0f', now)
  end
  redis.call('ZREM', WORTH, id)
  if not discard(id, reason) then return end
  news.removed = news.removed or {}
  local told = news.removed[reason] or {number = 0, ids = {}}
  news.removed[reason] = told
  told.number = told.number + 1
  if told.number <= TOLD_IDS then told.ids[told.number] = id end
end

local dead_bytes = nil

local function is_beyond_bounds()
  dead_bytes = dead_bytes or tonumber(redis.call('HGET', DEATHS, 'bytes') or 0)
  return redis.call('ZCARD', DEAD) > DEAD_MAX_COUNT
    or dead_bytes + (deaths.bytes or 0) > DEAD_MAX_BYTES
end

-- Removes the dead letters that are worth least until the rest is within its bounds; answers how
-- many, `most` of them at most.
local function keep_bounds(most)
  for number = 1, most do
    local least = is_beyond_bounds() and redis.call('ZRANGE', WORTH, 0, 0)[1]
    if not least then return number - 1 end
    remove(least, 'dead_overflow')
  end
  return most
end

local spare_removals = SPARE_REMOVALS

-- An event that was due or claimed becomes a dead letter; `sent` is its call that failed last.
local function bury(id, record, reason, sent, worth)
  record.reason, record.worth, record.lease = reason, worth or MOST_WORTH, nil
  save_record(id, record)
  undue({id})
  redis.call('ZADD', DEAD, now, id)
  redis.call('ZADD', WORTH, string.format('%.0f', record.worth * WORTH_STEP + now), id)
  if sent then redis.call('HSET', SENT, id, cjson.encode(sent)) end
  note_death(record, 1)
  count('dead:' .. reason)
  spare_removals = spare_removals - math.max(0, keep_bounds(1 + spare_removals) - 1)
end
