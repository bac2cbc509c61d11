-- How events and their records change, for all scripts that move events. Needs gate.lua.

-- The records that this step has read or written, by id; false for an event without a record.
local records = {}

-- Reads the records of several events at once.
local function load_records(ids)
  for number, text in ipairs(redis.call('HMGET', PROGRESS, unpack(ids))) do
    records[ids[number]] = text and cjson.decode(text)
  end
end

local function load_record(id)
  if records[id] == nil then load_records({id}) end
  return records[id]
end

-- Changes a field of DEATHS: a number of dead letters by reason and status, 'in_doubt' for those that
-- may have been delivered, or 'bytes' for the bytes of all.
local function note_deaths(field, change)
  deaths[field] = (deaths[field] or 0) + change
end

-- Stores in the record of a dead letter how many bytes the letter takes: its event, and this record
-- without that field.
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

-- Takes an event from the dead letters; answers whether it was one. If `died_at` is given, only a
-- letter with this time of death is taken: an operator who chose it did not choose a later death.
local function take_from_dead(id, record, died_at)
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

-- Removes events from those that are due, claimed or tried.
local function take_from_due(ids)
  redis.call('ZREM', DUE, unpack(ids))
  redis.call('ZREM', CLAIMED, unpack(ids))
  redis.call('ZREM', TRIED, unpack(ids))
end

-- An ending says how an event finished, in ten bytes: six for a digest of its id, three for the seconds
-- since its dedupe generation began, and one letter. worker/journal/endings.py reads them.
-- The digest takes four bytes of the id at a time; all numbers stay below 2^53, exact in Lua.
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

-- Removes events and their records from the journal.
local function remove_events(ids)
  redis.call('HDEL', EVENTS, unpack(ids))
  redis.call('HDEL', PROGRESS, unpack(ids))
  for _, id in ipairs(ids) do records[id] = false end
end

-- Removes finished events and remembers their ids, in a set without expiry: an expiry would free up
-- to a million ids at once, and Redis would not answer meanwhile. tick.lua removes the set.
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

-- Removes an event without remembering its id, because an operator erases a person.
local function erase(id, record)
  if not take_from_dead(id, record) then take_from_due({id}) end
  remove_events({id})
  count('discarded:erased')
end

-- Discards a dead letter, counted under a reason; answers whether it was one, by the death `died_at`.
local function discard(id, reason, died_at)
  if not take_from_dead(id, load_record(id), died_at) then return false end
  forget({id})
  note_ending(id, DISCARD_REASONS[reason])
  count('discarded:' .. reason)
  return true
end

-- Dead letters are sorted by worth (`Worth` in worker/journal/records.py), then by time of death: this
-- factor puts both into one score. A letter of unknown worth counts as worth the most.
local WORTH_STEP = 1e13

-- Most letters that a step removes besides one for each that it buries; each takes some 50 µs.
local SPARE_REMOVALS = 8

-- Most ids in the log line about removed letters.
local TOLD_IDS = 10

-- Discards a dead letter beyond a bound; one that may bear revenue is counted apart.
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

-- Removes the dead letters that are worth least, at most `most`, until the rest is within the bounds;
-- answers how many.
local function keep_bounds(most)
  for number = 1, most do
    local least = is_beyond_bounds() and redis.call('ZRANGE', WORTH, 0, 0)[1]
    if not least then return number - 1 end
    remove(least, 'dead_overflow')
  end
  return most
end

local spare_removals = SPARE_REMOVALS

-- Makes a due or claimed event a dead letter; `sent` is its call that failed last.
local function bury(id, record, reason, sent, worth)
  record.reason, record.worth, record.lease = reason, worth or MOST_WORTH, nil
  save_record(id, record)
  take_from_due({id})
  redis.call('ZADD', DEAD, now, id)
  redis.call('ZADD', WORTH, string.format('%.0f', record.worth * WORTH_STEP + now), id)
  if sent then redis.call('HSET', SENT, id, cjson.encode(sent)) end
  note_death(record, 1)
  count('dead:' .. reason)
  spare_removals = spare_removals - math.max(0, keep_bounds(1 + spare_removals) - 1)
end
