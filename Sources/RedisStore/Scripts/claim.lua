-- Deals ready jobs to slots, in the order of the slots: each gets the best job that its filter takes.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua
--          4  the caller's epoch (5 bytes), 5  the number of the first token in it: a token is epoch and number (3 bytes)
--          6  how long after an attempt's deadline its lease ends at the latest, microseconds
--          7  how many workers follow, each as four: id; lease until, microseconds; bytes it may take ('' for no limit);
--             '1' when it holds nothing
--          then how many filters, each: how many patterns, each as two: text, '1' when it is a prefix; how many names; the names
--          then the slots, 4 bytes each: worker (2), filter (2), from 0
-- Reply    see common.lua, then how each filter fared, one byte each ('1': nothing more was found), then for each job three:
--          worker (from 0), record with its body, state
--
-- What a queue's lanes hold is read in growing slices, and records only of lanes that are taken from. Jobs past their
-- start_before are left where they are for promote.
local epoch, next_token, grace = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local at = 7
local function take()
  at = at + 1
  return ARGV[at - 1]
end

local workers = {}
for i = 0, tonumber(take()) - 1 do
  local id, till, budget, nothing = take(), take(), take(), take()
  workers[i] = {
    id = id, till = till, budget = budget ~= '' and tonumber(budget) or nil, nothing = nothing == '1',
    tail = pack('>I2', #id) .. EMPTY_TAIL .. id,
    event = pack('>BBI4I2', 3, 0, 1, #id) .. id,
  }
end

local any_paused = call('EXISTS', P .. 'paused') == 1
local queue_lanes = {}
local lanes, used_lanes = {}, {}

-- The lanes of a queue, best priority first.
local function lanes_of(queue)
  local list = queue_lanes[queue]
  if list then return list end
  list = {}
  if not (any_paused and call('SISMEMBER', P .. 'paused', queue) == 1) then
    for i, name in ipairs(call('ZRANGE', P .. 'l:' .. queue, 0, -1)) do
      local lane = {
        key = P .. 'r:' .. queue .. '\0' .. name, queue = queue, listed = name, priority = sub(name, 1, 3),
        name = sub(name, 4), head = 1, n = 0, loaded = 0, taken = {}, taken_n = 0, skipped = false, slice = 1,
      }
      list[i] = lane
      lanes[#lanes + 1] = lane
    end
  end
  queue_lanes[queue] = list
  return list
end

-- Reads the lane's next slice of places; false when there is none.
local function load(lane)
  if lane.dry then return false end
  local size = lane.slice
  lane.slice = math.min(size * 8, 512)
  local got = call('ZRANGE', lane.key, lane.loaded, lane.loaded + size - 1, 'WITHSCORES')
  lane.places, lane.head, lane.n, lane.records = got, 1, #got, nil
  lane.loaded = lane.loaded + #got / 2
  if #got < 2 * size then lane.dry = true end
  return #got > 0
end

-- Reads the records of the lane's current slice.
local function read_records(lane)
  local numbers, n = {}, 0
  for i = lane.head, lane.n, 2 do
    n = n + 1
    numbers[n] = lane.places[i]
  end
  fetch(numbers)
  lane.records = true
end

-- Whether the lane has a next job; moves past those that cannot be taken.
local function ready(lane)
  while true do
    if lane.head > lane.n and not load(lane) then return false end
    if not lane.records then return true end
    local job = jobs[lane.places[lane.head]]
    if not job.rec then
      -- Its record is gone: what was lost stays lost.
      lane.taken_n = lane.taken_n + 1
      lane.taken[lane.taken_n] = job.s
    else
      if not job.h then
        measure(job)
        job.flags = byte(job.rec, job.h + 1)
      end
      local flags = job.flags
      if floor(flags / 2) % 2 == 0 then return true end
      open(job)
      if not job.start_before or job.start_before > now then return true end
      lane.skipped = true
    end
    lane.head = lane.head + 2
  end
end

local filters = {}
local filter_count = tonumber(take())
for i = 0, filter_count - 1 do
  local filter = { patterns = {}, dry = false }
  for p = 1, tonumber(take()) do filter.patterns[p] = { text = take(), prefix = take() == '1' } end
  local names = tonumber(take())
  if names > 0 then
    filter.names = {}
    for _ = 1, names do filter.names[take()] = true end
  end
  filters[i] = filter
end
local slots = take()
local slot_count = #slots / 4

-- A pattern's lanes that the filter takes, as groups of one priority, best first.
local function groups_of(filter, pattern)
  local queues = { pattern.text }
  if pattern.prefix then
    if pattern.text == '' then
      queues = call('ZRANGE', P .. 'rq', 0, -1)
    else
      queues = call('ZRANGEBYLEX', P .. 'rq', '[' .. pattern.text, '(' .. pattern.text .. '\255')
    end
  end
  local by_priority, priorities = {}, {}
  for _, queue in ipairs(queues) do
    for _, lane in ipairs(lanes_of(queue)) do
      if not filter.names or filter.names[lane.name] then
        local group = by_priority[lane.priority]
        if not group then
          group = {}
          by_priority[lane.priority] = group
          priorities[#priorities + 1] = lane.priority
        end
        group[#group + 1] = lane
      end
    end
  end
  table.sort(priorities)
  local groups = {}
  for i, priority in ipairs(priorities) do
    groups[i] = by_priority[priority]
    if #groups[i] == 1 then groups[i][1].slice = math.max(groups[i][1].slice, math.min(slot_count, 512)) end
  end
  return groups
end

-- The lane whose first job is the best that the filter takes.
local function best(filter)
  for _, pattern in ipairs(filter.patterns) do
    if not pattern.groups then pattern.groups, pattern.from = groups_of(filter, pattern), 1 end
    local groups = pattern.groups
    while pattern.from <= #groups do
      local group, found, score, s = groups[pattern.from], nil, nil, nil
      local i = 1
      while i <= #group do
        local lane = group[i]
        if ready(lane) then
          if #group == 1 then
            found = lane
          else
            local place, its = lane.places[lane.head], tonumber(lane.places[lane.head + 1])
            if not found or its < score or (its == score and place < s) then found, score, s = lane, its, place end
          end
          i = i + 1
        else
          table.remove(group, i)
        end
      end
      if not found then
        pattern.from = pattern.from + 1
      elseif found.records then
        return found
      else
        -- Only now its records are read; the job may turn out not to be takeable, then the search begins again.
        read_records(found)
        if ready(found) and found.records and (not s or found.places[found.head] == s) then return found end
      end
    end
  end
  return nil
end

local reply, n = {}, 5
local states, state_blocks, state_seen = {}, {}, {}
local block, state_list
local leases, lease_n, expiring, expiring_n = {}, 0, {}, 0
local started = {}
for i = 1, 4 * slot_count, 4 do
  local w1, w2, f1, f2 = byte(slots, i, i + 3)
  local index = w1 * 256 + w2
  local worker, filter = workers[index], filters[f1 * 256 + f2]
  if not worker.full and not filter.dry then
    local lane = best(filter)
    if not lane then
      filter.dry = true
    else
      local job = jobs[lane.places[lane.head]]
      local rec, h = job.rec, job.h
      local b1, b2, b3, b4 = byte(rec, h + 3, h + 6)
      local size = b1 * 16777216 + b2 * 65536 + b3 * 256 + b4
      if worker.budget and size > worker.budget and not worker.nothing then
        worker.full = true
      else
        if worker.budget then worker.budget = worker.budget - math.min(size, worker.budget) end
        worker.nothing = false
        lane.head = lane.head + 2
        lane.taken_n = lane.taken_n + 1
        lane.taken[lane.taken_n] = job.s

        local flags, s, till, deadline8 = job.flags, job.s, worker.till, ZERO8
        if flags % 2 == 1 then
          local deadline = now + unpack_struct('>I8', rec, h + 23)
          deadline8 = pack('>I8', deadline)
          if tonumber(till) > deadline + grace then till = format('%.0f', deadline + grace) end
        end
        local token = epoch .. char(floor(next_token / 65536) % 256, floor(next_token / 256) % 256, next_token % 256)
        next_token = next_token + 1
        local head, st = sub(rec, 1, h), job.st
        if st then
          open(job)
          job.attempt = job.attempt + 1
          job.state, job.started8, job.worker, job.token, job.x8 = RUNNING, now8, worker.id, token, deadline8
          job.progress, job.tail = '', ''
          if job.fl % 2 == 1 then job.fl = job.fl - 1 end
          st = pack_state(job)
          event(3, job.attempt, worker.id, head)
        else
          st = '\3\0\0\0\0\1\0\0\0\0' .. sub(rec, h + 15, h + 22) .. now8 .. ZERO8 .. deadline8 .. token .. worker.tail
          event_count = event_count + 1
          events[event_count] = worker.event .. head
        end
        local its, field = sub(s, 1, 10), sub(s, 11, 13)
        if its ~= block then
          block = its
          touch(state_blocks, state_seen, block)
          state_list = states[block] or { n = 0 }
          states[block] = state_list
        end
        local m = state_list.n
        state_list[m + 1], state_list[m + 2], state_list.n = field .. 's', st, m + 2
        leases[lease_n + 1], leases[lease_n + 2], lease_n = till, s, lease_n + 2
        if floor(flags / 2) % 2 == 1 then
          expiring_n = expiring_n + 1
          expiring[expiring_n] = s
        end
        lane.running = (lane.running or 0) + 1
        if flags >= 64 then rec = rec .. (call('HGET', P .. 'j:' .. block, field .. 'b') or '') end
        reply[n + 1], reply[n + 2], reply[n + 3] = index, rec, st
        n = n + 3
      end
    end
  end
end

for _, block in ipairs(state_blocks) do many('HSET', P .. 'j:' .. block, states[block], states[block].n) end
many('ZADD', P .. 'lease', leases, lease_n)
many('ZREM', P .. 'exp', expiring, expiring_n)
for _, lane in ipairs(lanes) do
  if lane.taken_n > 0 then
    if lane.skipped then
      many('ZREM', lane.key, lane.taken, lane.taken_n)
    else
      call('ZREMRANGEBYRANK', lane.key, 0, lane.taken_n - 1)
    end
    if lane.running then count(lane.queue, 'r', lane.running) end
    if call('EXISTS', lane.key) == 0 then
      call('ZREM', P .. 'l:' .. lane.queue, lane.listed)
      if call('EXISTS', P .. 'l:' .. lane.queue) == 0 then call('ZREM', P .. 'rq', lane.queue) end
    end
  end
end
write_counts()
local dry = {}
for i = 0, filter_count - 1 do dry[i + 1] = filters[i].dry and '1' or '0' end
reply[2] = write_events()
reply[1], reply[3], reply[4] = cursor_before, next_due(), table.concat(dry)
-- The fifth place keeps the list whole when nothing was found.
reply[5] = (n - 5) / 3
return reply
