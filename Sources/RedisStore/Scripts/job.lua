-- Loaded before the verbs that change stored jobs: a job as a table, and every step of its life.
--
-- A job's number (seq) is written with 13 digits; its first ten name the hash that keeps it (P j:<ten>), the last three
-- are the field of its record; with an 's' behind, that of its state; with a 'b', that of a body kept apart.
--
-- Record, written once (all numbers big-endian):
--   id length (1), id; core length (2), core = queue length (1), queue, name length (2), name, batch length (2), batch
--   (up to here: the head, which events repeat)
--   flags (1): 1 timeout, 2 start_before, 4 retention, 8 policy, 16 unique, 32 keys, 64 body apart
--   priority + 128 (1), payload size (4), created (8), run at (8), then what the flags say:
--   timeout (8); start_before (8); retention (8); policy = attempts (4), initial (8), longest (8), multiplier (double),
--   jitter (double), lost (4); unique = key length (2), key, on conflict (1), held for (8, signed; -1: until the end);
--   keys = two of length (2) and text; then the body
--
-- State, missing as long as nothing happened to the job:
--   1 state  2 flags (1 cancel requested, 2 start_before dropped)  3 attempt (4)  7 lost (4)  11 run at (8)
--   19 started (8)  27 finished (8)  35 deadline, or when a final job is forgotten (8)  43 token (8)
--   51 lengths of worker id (2), failures (4), progress (4), result or reason of cancellation (4)  65 these four
local SCHEDULED, READY, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED = 1, 2, 3, 4, 5, 6, 7, 8

local jobs, changed = {}, {}
local sets, set_order, lane_names = {}, {}, {}
local ends, ends_order = {}, {}

-- Reads the jobs with these numbers, one call per hash and thousand.
local function read_block(block, list, n)
  local fields = {}
  for i = 1, n do
    local field = sub(list[i], 11, 13)
    fields[2 * i - 1], fields[2 * i] = field, field .. 's'
  end
  local values = call('HMGET', P .. 'j:' .. block, unpack(fields, 1, 2 * n))
  for i = 1, n do jobs[list[i]] = { s = list[i], rec = values[2 * i - 1], st = values[2 * i] } end
end
local function fetch(numbers)
  local lists, order, block, list = {}, {}, nil, nil
  for i = 1, #numbers do
    local s = numbers[i]
    if not jobs[s] then
      jobs[s] = true
      local its = sub(s, 1, 10)
      if its ~= block then
        block, list = its, lists[its]
        if not list then
          list = { n = 0 }
          lists[its] = list
          order[#order + 1] = its
        end
      end
      local n = list.n + 1
      list[n], list.n = s, n
      if n == 1000 then
        read_block(block, list, n)
        list.n = 0
      end
    end
  end
  for _, its in ipairs(order) do
    if lists[its].n > 0 then read_block(its, lists[its], lists[its].n) end
  end
end

-- The record's length of head and the place of the id.
local function measure(job)
  local rec = job.rec
  local id_length = byte(rec, 1)
  local high, low = byte(rec, id_length + 2, id_length + 3)
  job.id_length = id_length
  job.h = id_length + 3 + high * 256 + low
end

-- Takes the record apart as far as transitions need it.
local function open_record(job)
  measure(job)
  local rec, h = job.rec, job.h
  local q = job.id_length + 4
  local queue_length = byte(rec, q)
  job.queue = sub(rec, q + 1, q + queue_length)
  local n = q + queue_length + 1
  local name_length = unpack_struct('>I2', rec, n)
  job.name = sub(rec, n + 2, n + 1 + name_length)
  job.head = sub(rec, 1, h)
  local flags, priority, size, created = unpack_struct('>BBI4I8', rec, h + 1)
  job.flags, job.priority, job.size, job.created = flags, priority - 128, size, created
  local at = h + 23
  local function take(bit)
    if floor(flags / bit) % 2 == 0 then return nil end
    at = at + 8
    return unpack_struct('>I8', rec, at - 8)
  end
  job.timeout, job.start_before, job.retention = take(1), take(2), take(4)
  if floor(flags / 8) % 2 == 1 then
    job.attempts, job.initial, job.longest, job.multiplier, job.jitter, job.losses = unpack_struct('>I4I8I8ddI4', rec, at)
    at = at + 40
  else
    job.attempts, job.initial, job.longest, job.multiplier, job.jitter, job.losses = 20, 1e6, 3.6e9, 2, 0.1, 5
  end
  if floor(flags / 16) % 2 == 1 then
    local length = unpack_struct('>I2', rec, at)
    job.key = job.queue .. '\0' .. sub(rec, at + 2, at + 1 + length)
    job.hold = unpack_struct('>i8', rec, at + 3 + length)
  end
  job.lane = format('%03d', 100 - job.priority) .. job.name
end

-- Takes the state apart; a job without one is as it was enqueued.
local function open_state(job)
  local st = job.st
  if st then
    local w, f, p, r
    job.state, job.fl, job.attempt, job.lost = unpack_struct('>BBI4I4', st)
    w, f, p, r = unpack_struct('>I2I4I4I4', st, 51)
    job.run8, job.started8, job.finished8 = sub(st, 11, 18), sub(st, 19, 26), sub(st, 27, 34)
    job.x8, job.token = sub(st, 35, 42), sub(st, 43, 50)
    job.worker = sub(st, 65, 64 + w)
    job.failures = sub(st, 65 + w, 64 + w + f)
    job.progress = sub(st, 65 + w + f, 64 + w + f + p)
    job.tail = sub(st, 65 + w + f + p, 64 + w + f + p + r)
  else
    job.fl, job.attempt, job.lost = 0, 0, 0
    job.run8, job.started8, job.finished8 = sub(job.rec, job.h + 15, job.h + 22), ZERO8, ZERO8
    job.x8, job.token, job.worker, job.failures, job.progress, job.tail = ZERO8, ZERO8, '', '', '', ''
    job.state = unpack_struct('>I8', job.run8) > job.created and SCHEDULED or READY
  end
  if job.fl >= 2 then job.start_before = nil end
end

-- Makes the job ready to be worked with; false when there is none.
local function open(job)
  if not job.rec then return false end
  if not job.queue then
    open_record(job)
    open_state(job)
  end
  return true
end

local function id_of(job) return sub(job.rec, 2, 1 + job.id_length) end

-- Remembers to write the job's state.
local function change(job)
  if not job.changed then
    job.changed = true
    changed[#changed + 1] = job
  end
end

-- What a sorted set is to hold (a score) or not (false) at the end of the call: the last word counts.
local function place(key, s, score)
  local set = sets[key]
  if not set then
    set = { order = {}, scores = {} }
    sets[key] = set
    set_order[#set_order + 1] = key
  end
  if set.scores[s] == nil then set.order[#set.order + 1] = s end
  set.scores[s] = score
end
local function add(set, score, s) place(P .. set, s, score) end
local function remove(set, s) place(P .. set, s, false) end

local function use_lane(job)
  local key = P .. 'r:' .. job.queue .. '\0' .. job.lane
  lane_names[key] = lane_names[key] or { job.queue, job.lane }
  return key
end

-- Takes the job out of every order that its state keeps it in.
local function leave(job)
  local state = job.state
  if state == READY then
    place(use_lane(job), job.s, false)
  elseif state == SCHEDULED or state == RETRYING then
    remove('due', job.s)
    count(job.queue, 'd', -1)
  elseif state == RUNNING then
    remove('lease', job.s)
    count(job.queue, 'r', -1)
  elseif state == DEAD then
    count(job.queue, 'x', -1)
  end
  if job.start_before and (state == READY or state == SCHEDULED or state == RETRYING) then remove('exp', job.s) end
end

local function note(kind, job, detail_kind, detail)
  local worker = job.worker
  if kind == 1 or kind == 2 or kind == 9 or kind == 11 then worker = '' end
  event(kind, job.attempt, worker, job.head, detail_kind, detail)
end

-- Puts a job that is in no order among the ready ones, in its place.
local function make_ready(job)
  job.state, job.x8, job.token = READY, ZERO8, ZERO8
  local run = unpack_struct('>I8', job.run8)
  if run < job.created then run = job.created end
  place(use_lane(job), job.s, format('%.0f', run))
  if job.start_before then add('exp', format('%.0f', job.start_before), job.s) end
  wake(job.queue)
  change(job)
  note(2, job)
end

-- ... or among those that wait for a time.
local function make_due(job, state)
  job.state, job.x8, job.token = state, ZERO8, ZERO8
  add('due', format('%.0f', unpack_struct('>I8', job.run8)), job.s)
  count(job.queue, 'd', 1)
  if job.start_before then add('exp', format('%.0f', job.start_before), job.s) end
  change(job)
end

-- ... by its time.
local function make_wait(job)
  if unpack_struct('>I8', job.run8) > now then
    make_due(job, SCHEDULED)
    note(1, job, 4, job.run8)
  else
    make_ready(job)
  end
end

-- Adds a failure, given without time, attempt and worker; returns it whole. Ten are kept.
local function keep(job, failure)
  local worker = job.state == RUNNING and job.worker or ''
  failure = pack('>I8I4I2', now, job.attempt, #worker) .. worker .. failure
  local kept = job.failures == '' and '\0' or job.failures
  local n, from = byte(kept, 1), 2
  if n == 10 then
    n, from = 9, 6 + unpack_struct('>I4', kept, 2)
  end
  job.failures = char(n + 1) .. sub(kept, from) .. pack('>I4', #failure) .. failure
  return failure
end

local function failure_text(kind, message, retryable)
  return pack('>BI2', retryable and 1 or 0, #kind) .. kind .. pack('>I4', #message) .. message .. '\0\0\0\0'
end

-- Remembers when a final job is forgotten.
local function end_at(score, s)
  local list = ends[score]
  if not list then
    list = {}
    ends[score] = list
    ends_order[#ends_order + 1] = score
  end
  list[#list + 1] = s
end

-- Makes a job that is in no order final. Its unique key is free from now on, or when its time is over.
-- ARGV[4] and ARGV[5] of such verbs: how long final and dead jobs are kept, microseconds.
local function finish(job, state)
  job.state, job.finished8, job.token = state, now8, ZERO8
  if job.fl % 2 == 1 then job.fl = job.fl - 1 end
  local expires = now + (job.retention or tonumber(state == DEAD and ARGV[5] or ARGV[4]))
  if job.key then
    local till = job.created + math.max(job.hold, 0)
    if till > now then
      call('HSET', P .. 'u', job.key, job.s .. format('%.0f', till))
      if till > expires then expires = till end
    else
      call('HDEL', P .. 'u', job.key)
    end
  end
  job.x8 = pack('>I8', expires)
  if state == DEAD then count(job.queue, 'x', 1) end
  end_at(format('%.0f', expires), job.s)
  change(job)
end

-- A reason becomes the last failure; the event tells it, or else the failure that came with the cancellation.
local function cancel(job, reason, failure)
  if reason ~= '' then failure = keep(job, failure_text('canceled', reason, false)) end
  finish(job, CANCELED)
  job.tail = ''
  note(8, job, 1, failure)
end

local function backoff(job, failures, draw)
  local wait, limit, multiplier = job.initial, job.longest, job.multiplier
  local steps = failures > 0 and failures - 1 or 0
  while steps > 0 and wait < limit and wait > 0 and multiplier ~= 1 do
    wait = wait * multiplier
    steps = steps - 1
    if multiplier < 1 and wait < 1 then break end
  end
  if wait > limit then wait = limit end
  wait = wait * (1 + job.jitter * (2 * draw - 1))
  return floor(math.max(0, math.min(wait, 4e15)))
end

local function fail(job, failure, draw)
  leave(job)
  count(job.queue, 'f', 1)
  local retryable = byte(failure, 1) == 1
  local failure = keep(job, failure)
  local failures = job.attempt - job.lost
  if job.fl % 2 == 1 then
    cancel(job, job.tail, failure)
  elseif not retryable or failures >= job.attempts then
    finish(job, DEAD)
    note(7, job, 1, failure)
  else
    job.run8 = pack('>I8', now + backoff(job, failures, draw))
    make_due(job, RETRYING)
    note(6, job, 2, job.run8 .. failure)
  end
end

local function lose(job)
  leave(job)
  count(job.queue, 'f', 1)
  local failure = keep(job, failure_text('lost', 'the worker went silent', true))
  job.lost = job.lost + 1
  note(10, job, 1, failure)
  if job.fl % 2 == 1 then
    cancel(job, job.tail, failure)
  elseif job.lost >= job.losses then
    finish(job, DEAD)
    note(7, job, 1, failure)
  else
    make_ready(job)
  end
end

-- As if the attempt had never been.
local function give_back(job, delay)
  leave(job)
  job.attempt = job.attempt - 1
  if job.fl % 2 == 1 then
    cancel(job, job.tail)
    return
  end
  job.started8, job.worker, job.progress, job.tail = ZERO8, '', '', ''
  if delay > 0 then
    job.run8 = pack('>I8', now + delay)
    make_wait(job)
  else
    make_ready(job)
  end
end

local function pack_state(job)
  return pack('>BBI4I4', job.state, job.fl, job.attempt, job.lost)
    .. job.run8 .. job.started8 .. job.finished8 .. job.x8 .. job.token
    .. pack('>I2I4I4I4', #job.worker, #job.failures, #job.progress, #job.tail)
    .. job.worker .. job.failures .. job.progress .. job.tail
end

-- Remembers to remove what is stored of the job.
local dropped, dropped_blocks, dropped_seen, dropped_ids, dropped_n = {}, {}, {}, {}, 0
local function drop(job)
  local block, field = sub(job.s, 1, 10), sub(job.s, 11, 13)
  local list = dropped[block]
  if not list then
    touch(dropped_blocks, dropped_seen, block)
    list = { n = 0 }
    dropped[block] = list
  end
  local n = list.n
  list[n + 1], list[n + 2], list.n = field, field .. 's', n + 2
  if byte(job.rec, job.h + 1) >= 64 then append(dropped, block, field .. 'b') end
  dropped_n = dropped_n + 1
  dropped_ids[dropped_n] = id_of(job)
end
local function write_drops()
  if dropped_n == 0 then return end
  if call('EXISTS', P .. 'ids') == 1 then many('HDEL', P .. 'ids', dropped_ids, dropped_n) end
  for _, block in ipairs(dropped_blocks) do
    local key = P .. 'j:' .. block
    many('HDEL', key, dropped[block], dropped[block].n)
    if call('EXISTS', key) == 0 then call('ZREM', P .. 'blocks', block) end
  end
end

-- Forgets a job that is not running, and with it its unique key if it has it.
local function forget(job)
  leave(job)
  if job.key then
    local holder = call('HGET', P .. 'u', job.key)
    if holder and sub(holder, 1, 13) == job.s then call('HDEL', P .. 'u', job.key) end
  end
  drop(job)
  count(job.queue, 'n', -1)
  job.rec, job.gone = false, true
end

-- Adds lanes to, and takes empty ones from, the directories: rq (queues that have lanes) and l:<queue> (its lanes).
local function list_lane(key, was_there)
  local is_there = call('EXISTS', key) == 1
  if is_there == was_there then return end
  local queue, lane = lane_names[key][1], lane_names[key][2]
  if is_there then
    call('ZADD', P .. 'l:' .. queue, 0, lane)
    call('ZADD', P .. 'rq', 0, queue)
  else
    call('ZREM', P .. 'l:' .. queue, lane)
    if call('EXISTS', P .. 'l:' .. queue) == 0 then call('ZREM', P .. 'rq', queue) end
  end
end

-- Writes everything that the transitions left to write.
local function write_jobs()
  local states, blocks, seen = {}, {}, {}
  for _, job in ipairs(changed) do
    if not job.gone then
      local block = sub(job.s, 1, 10)
      touch(blocks, seen, block)
      append(states, block, sub(job.s, 11, 13) .. 's', pack_state(job))
    end
  end
  for _, block in ipairs(blocks) do many('HSET', P .. 'j:' .. block, states[block], states[block].n) end
  write_drops()
  for _, key in ipairs(set_order) do
    local set = sets[key]
    local new, gone, n, m = {}, {}, 0, 0
    for _, s in ipairs(set.order) do
      local score = set.scores[s]
      if score then
        new[n + 1], new[n + 2], n = score, s, n + 2
      else
        gone[m + 1], m = s, m + 1
      end
    end
    local was_there = lane_names[key] and call('EXISTS', key) == 1
    many('ZREM', key, gone, m)
    many('ZADD', key, new, n)
    if lane_names[key] then list_lane(key, was_there) end
  end
  for _, score in ipairs(ends_order) do
    call('ZADD', P .. 'ends', score, table.concat(ends[score]))
  end
  write_counts()
end
