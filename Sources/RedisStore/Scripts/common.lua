-- Loaded before every writing verb: what all of them are given, and how a call ends.
--
-- KEYS[1]  the prefix of every key of the store, hash tag included
-- ARGV[1]  the salt of the store that the caller believes in
-- ARGV[2]  now, microseconds
-- ARGV[3]  the caller's name in signals
-- ARGV[4]  the verb's own arguments begin here
--
-- Reply    { cursor of the newest event before this call,
--            the events of this call, packed ('' when there is none),
--            when promote or reclaim is due next, microseconds ('' for never),
--            the verb's own results ... }
-- Error    GKSTALE when the salt is another store's: the data was lost or replaced
--
-- Numbers: a microsecond is an integer below 2^53 until the year 2255; '..' would print only 14 digits of it, so numbers
-- become text by format alone, and times that are only passed on stay 8 bytes.
local P, now, me = KEYS[1], tonumber(ARGV[2]), ARGV[3]
local call, format, sub, byte, char = redis.call, string.format, string.sub, string.byte, string.char
local pack, unpack_struct, floor = struct.pack, struct.unpack, math.floor
local META = P .. 'm'
local meta = call('HMGET', META, 'salt', 'seq', 'cursor', 'bytes', 'forged')
if meta[1] ~= ARGV[1] then return redis.error_reply('GKSTALE the store is not the one that was opened') end
local now8 = pack('>I8', now)
local ZERO8 = '\0\0\0\0\0\0\0\0'
local EMPTY_TAIL = '\0\0\0\0\0\0\0\0\0\0\0\0'

-- Calls command(key, args ...) in slices that fit on Lua's stack. Slices are even, so pairs stay together.
local function many(command, key, args, count)
  if count <= 4000 then
    if count > 0 then call(command, key, unpack(args, 1, count)) end
    return
  end
  for from = 1, count, 4000 do
    call(command, key, unpack(args, from, math.min(from + 3999, count)))
  end
end

-- Lists of arguments by key, so that each key is written once per call.
local function append(lists, key, a, b)
  local list = lists[key]
  if not list then
    list = { n = 0 }
    lists[key] = list
  end
  local n = list.n
  if b ~= nil then
    list[n + 1], list[n + 2], list.n = a, b, n + 2
  else
    list[n + 1], list.n = a, n + 1
  end
end

-- Keys in the order they were first used: effects must be the same on every run.
local function touch(order, seen, key)
  if not seen[key] then
    seen[key] = true
    order[#order + 1] = key
  end
end

-- Counters of queues, field queue \0 n (jobs), d (scheduled, retrying), r (running), x (dead), s (succeeded), f (failed).
local counts, count_order = {}, {}
local function count(queue, what, change)
  local field = queue .. '\0' .. what
  local old = counts[field]
  if old then
    counts[field] = old + change
  else
    counts[field] = change
    count_order[#count_order + 1] = field
  end
end

-- Queues in which something became ready, for the other servers.
local woken, woken_order = {}, {}
local function wake(queue) touch(woken_order, woken, queue) end

-- One event is: kind, kind of detail, attempt (4), length of the worker's id (2), the id, the job's head, and when there
-- is a detail its length (4) and itself.
local events, event_count = {}, 0
local function event(kind, attempt, worker, head, detail_kind, detail)
  event_count = event_count + 1
  if detail then
    events[event_count] = pack('>BBI4I2', kind, detail_kind, attempt, #worker)
      .. worker .. head .. pack('>I4', #detail) .. detail
  else
    events[event_count] = pack('>BBI4I2', kind, 0, attempt, #worker) .. worker .. head
  end
end

-- Writes the events of this call as one entry of the stream; its id is the cursor of its last event.
local cursor_before = tonumber(meta[3] or 0)
local function write_events(last_seq)
  local blob = ''
  local changed, n = {}, 0
  if last_seq then changed[1], changed[2], n = 'seq', format('%.0f', last_seq), 2 end
  if event_count > 0 then
    blob = pack('>I8I4', now, event_count) .. table.concat(events, '', 1, event_count)
    local last = format('%.0f', cursor_before + event_count)
    call('XADD', P .. 'ev', last .. '-0', 'e', blob)
    changed[n + 1], changed[n + 2] = 'cursor', last
    changed[n + 3], changed[n + 4] = 'bytes', format('%.0f', tonumber(meta[4] or 0) + #blob)
    n = n + 4
    local channel = P .. 'signals'
    if call('PUBSUB', 'NUMSUB', channel)[2] > 1 then
      call('PUBLISH', channel, me .. '\0' .. last .. '\0' .. table.concat(woken_order, '\0'))
    end
  end
  if n > 0 then call('HSET', META, unpack(changed, 1, n)) end
  return blob
end

local function write_counts()
  for _, field in ipairs(count_order) do
    if counts[field] ~= 0 then call('HINCRBY', P .. 'q', field, counts[field]) end
  end
end

-- The earliest of what waits for a time.
local function next_due()
  local best
  for _, name in ipairs({ 'due', 'exp', 'lease' }) do
    local first = call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2]
    if first and (not best or tonumber(first) < best) then best = tonumber(first) end
  end
  return best and format('%.0f', best) or ''
end
