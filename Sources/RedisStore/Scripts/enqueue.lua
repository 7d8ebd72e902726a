-- Stores new jobs.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua
--          6, 7   the parts of made ids before and after the job's number: "tttttttt-tttt-7sss-", "ssss"
--          8      how many lanes follow, each as two: queue, priority code (3 digits, 000 is the highest) + name
--          then for each job:
--            mode (1 byte: 1 id given, 2 unique, 4 body apart, 8 start_before, 16 all-or-nothing group begins), lane (2 bytes,
--            from 0), and for a job with a later time its run at, microseconds
--            the record from its core on
--            [1]  the id; the number inside it (13 digits) if it looks like one that this store made, else ''
--            [2]  the unique key; on conflict (1 keep, 2 reject, 3 replace)
--            [4]  the body
--            [8]  start_before, microseconds
--            [16] how many jobs the group has, this one included
-- Reply    see common.lua, then the number of the first new job, then nothing when every job was stored with the next number,
--          else for each job: 'S' + number (13 digits): stored, 'D' + state (1 byte) + run at (8) + id: a duplicate,
--          'C' + id: conflict, 'W': withdrawn
local made_before, made_after = ARGV[6], ARGV[7]
local lanes = {}
local at = 9
for i = 0, tonumber(ARGV[8]) - 1 do
  local queue, lane = ARGV[at], ARGV[at + 1]
  lanes[i] = { queue = queue, lane = lane, key = P .. 'r:' .. queue .. '\0' .. lane, list = {}, n = 0, jobs = 0, later = 0 }
  at = at + 2
end
local lane_count = tonumber(ARGV[8])

local seq = tonumber(meta[2] or 0)
local first_seq = seq + 1
local records, record_blocks, block_seen = {}, {}, {}
local block, block_list
local due, due_n, expiring, expiring_n = {}, 0, {}, 0
local new_ids, ids_list, ids_n = {}, {}, 0
local new_keys, keys_list, keys_n = {}, {}, 0
local results, plain, total = {}, true, 0
-- Whether any id was ever chosen that looks like a made one.
local forged = meta[5] == '1'

-- Writes what the plain path has gathered so far.
local function write_new()
  for _, b in ipairs(record_blocks) do
    local list = records[b]
    local key = P .. 'j:' .. b
    if call('EXISTS', key) == 0 then call('ZADD', P .. 'blocks', tonumber(b), b) end
    many('HSET', key, list, list.n)
  end
  for i = 0, lane_count - 1 do
    local lane = lanes[i]
    if lane.n > 0 then
      if call('EXISTS', lane.key) == 0 then
        call('ZADD', P .. 'l:' .. lane.queue, 0, lane.lane)
        call('ZADD', P .. 'rq', 0, lane.queue)
      end
      many('ZADD', lane.key, lane.list, lane.n)
    end
    if lane.jobs > 0 then count(lane.queue, 'n', lane.jobs) end
    if lane.later > 0 then count(lane.queue, 'd', lane.later) end
    lane.list, lane.n, lane.jobs, lane.later = {}, 0, 0, 0
  end
  many('ZADD', P .. 'due', due, due_n)
  many('ZADD', P .. 'exp', expiring, expiring_n)
  many('HSET', P .. 'ids', ids_list, ids_n)
  many('HSET', P .. 'u', keys_list, keys_n)
  records, record_blocks, block_seen, block = {}, {}, {}, nil
  due_n, expiring_n, ids_n, keys_n = 0, 0, 0, 0
end

local function open_at(s)
  if jobs[s] and not jobs[s].rec then jobs[s] = nil end
  fetch({ s })
  local job = jobs[s]
  return open(job) and job or nil
end

-- The stored job with this id; `hint` is the number that the id would have if this store made it.
local function find(id, hint)
  local s = new_ids[id] or call('HGET', P .. 'ids', id)
  if not s and hint ~= '' then s = hint end
  if not s then return nil end
  if tonumber(s) >= first_seq then write_new() end
  local job = open_at(s)
  return job and id_of(job) == id and job or nil
end

-- The job that has the key now.
local function holder(key)
  local held = new_keys[key] or call('HGET', P .. 'u', key)
  if not held then return nil end
  local till = tonumber(sub(held, 14))
  if till and till <= now then return nil end
  local s = sub(held, 1, 13)
  if tonumber(s) >= first_seq then write_new() end
  return open_at(s)
end

local function duplicate(job)
  return 'D' .. char(job.state) .. job.run8 .. id_of(job)
end

-- A waiting job takes all that was asked for the new one but its id; its history stays.
local function replace(job, mode, rest, body)
  leave(job)
  job.rec = sub(job.rec, 1, 1 + job.id_length) .. rest
  -- It was made when it was made.
  local created8 = pack('>I8', job.created)
  measure(job)
  job.rec = sub(job.rec, 1, job.h + 6) .. created8 .. sub(job.rec, job.h + 15)
  job.timeout, job.start_before, job.retention, job.key = nil, nil, nil, nil
  open_record(job)
  job.run8 = sub(job.rec, job.h + 15, job.h + 22)
  if job.fl >= 2 then job.fl = job.fl - 2 end
  local hash, field = P .. 'j:' .. sub(job.s, 1, 10), sub(job.s, 11, 13)
  call('HSET', hash, field, job.rec)
  if body then call('HSET', hash, field .. 'b', body) else call('HDEL', hash, field .. 'b') end
  make_wait(job)
end

-- One job's arguments, from position i on.
local function read(i)
  local head = ARGV[i]
  local mode, high, low = byte(head, 1, 3)
  local a = { mode = mode, lane = lanes[high * 256 + low], run = sub(head, 4), rest = ARGV[i + 1] }
  i = i + 2
  if mode ~= 0 then
    if mode % 2 == 1 then a.id, a.hint, i = ARGV[i], ARGV[i + 1], i + 2 end
    if floor(mode / 2) % 2 == 1 then
      a.key, a.conflict, i = a.lane.queue .. '\0' .. ARGV[i], ARGV[i + 1], i + 2
    end
    if floor(mode / 4) % 2 == 1 then a.body, i = ARGV[i], i + 1 end
    if floor(mode / 8) % 2 == 1 then a.start_before, i = ARGV[i], i + 1 end
    if mode >= 16 then a.group, i = tonumber(ARGV[i]), i + 1 end
  end
  return a, i
end

-- What an all-or-nothing group gets when any of its jobs conflicts, nil when none does.
local function rejections(a, i)
  local ids, holders, answers, rejected = {}, {}, {}, false
  for n = 1, a.group do
    if n > 1 then a, i = read(i) end
    local answer = 'W'
    if not (a.id and (ids[a.id] or find(a.id, a.hint))) then
      local held = a.key and holders[a.key]
      if a.key and not held then
        local job = holder(a.key)
        held = job and id_of(job)
      end
      if held then
        if a.conflict == '2' then answer, rejected = 'C' .. held, true end
      else
        if a.id then ids[a.id] = true end
        if a.key then holders[a.key] = a.id or '' end
      end
    end
    answers[n] = answer
  end
  return rejected and answers or nil, i
end

local function made_id()
  return '\36' .. made_before .. format('%04x-%08x', 0x8000 + floor(seq / 4294967296), seq % 4294967296) .. made_after
end

-- Adds a record to what is to be written, and its job to its lane or to what is due (`run`: when; false: now).
local function put(lane, run, rest, id, s)
  local rec = id .. rest
  local b = sub(s, 1, 10)
  if b ~= block then
    block = b
    touch(record_blocks, block_seen, b)
    block_list = records[b] or { n = 0 }
    records[b] = block_list
  end
  local n = block_list.n
  block_list[n + 1], block_list[n + 2], block_list.n = sub(s, 11, 13), rec, n + 2
  local high, low = byte(rest, 1, 2)
  local h = #id + 2 + high * 256 + low
  lane.jobs = lane.jobs + 1
  if run then
    due[due_n + 1], due[due_n + 2], due_n = run, s, due_n + 2
    lane.later = lane.later + 1
    event(1, 0, '', sub(rec, 1, h), 4, sub(rec, h + 15, h + 22))
  else
    n = lane.n
    lane.list[n + 1], lane.list[n + 2], lane.n = ARGV[2], s, n + 2
    event_count = event_count + 1
    events[event_count] = '\2\0\0\0\0\0\0\0' .. sub(rec, 1, h)
    if n == 0 then wake(lane.queue) end
  end
  results[total] = 'S' .. s
  if seq ~= first_seq + total - 1 then plain = false end
end

local function next_made_id()
  seq = seq + 1
  local id = made_id()
  -- Numbers whose id someone has chosen for a job of their own are skipped.
  while forged and (new_ids[sub(id, 2)] or call('HEXISTS', P .. 'ids', sub(id, 2)) == 1) do
    seq = seq + 1
    id = made_id()
  end
  return id
end

local function store_plain(lane, run, rest)
  local id = next_made_id()
  put(lane, run, rest, id, format('%013d', seq))
end

local function store(a)
  local id, s
  if a.id then
    seq = seq + 1
    id, s = char(#a.id) .. a.id, format('%013d', seq)
    if a.hint ~= '' then forged = true end
    ids_list[ids_n + 1], ids_list[ids_n + 2], ids_n = a.id, s, ids_n + 2
    new_ids[a.id] = s
  else
    id = next_made_id()
    s = format('%013d', seq)
  end
  if a.key then
    keys_list[keys_n + 1], keys_list[keys_n + 2], keys_n = a.key, s, keys_n + 2
    new_keys[a.key] = s
  end
  put(a.lane, a.run ~= '' and a.run, a.rest, id, s)
  if a.body then append(records, block, sub(s, 11, 13) .. 'b', a.body) end
  if a.start_before then
    expiring[expiring_n + 1], expiring[expiring_n + 2], expiring_n = a.start_before, s, expiring_n + 2
  end
end

local function enqueue(a)
  total = total + 1
  local existing = a.id and find(a.id, a.hint)
  if not existing and a.key then
    existing = holder(a.key)
    if existing then
      if a.conflict == '2' then
        plain, results[total] = false, 'C' .. id_of(existing)
        return
      end
      local state = existing.state
      if a.conflict == '3' and (state == SCHEDULED or state == READY or state == RETRYING) then
        replace(existing, a.mode, a.rest, a.body)
      end
    end
  end
  if existing then
    plain, results[total] = false, duplicate(existing)
  else
    store(a)
  end
end

local a
local last = #ARGV
while at <= last do
  -- Most jobs ask for nothing special: no table is made for them.
  while byte(ARGV[at] or '\1', 1) == 0 do
    local head = ARGV[at]
    local _, high, low = byte(head, 1, 3)
    total = total + 1
    store_plain(lanes[high * 256 + low], #head > 3 and sub(head, 4), ARGV[at + 1])
    at = at + 2
  end
  if at > last then break end
  a, at = read(at)
  if a.group then
    local size = a.group
    local answers, after = rejections(a, at)
    if answers then
      plain, at = false, after
      for n = 1, size do results[total + n] = answers[n] end
      total = total + size
    else
      enqueue(a)
      for _ = 2, size do
        a, at = read(at)
        a.group = nil
        enqueue(a)
      end
    end
  else
    enqueue(a)
  end
end
write_new()
write_jobs()
if forged and meta[5] ~= '1' then call('HSET', META, 'forged', '1') end
local blob = write_events(seq >= first_seq and seq or nil)
local reply = { cursor_before, blob, next_due(), first_seq }
if not plain then
  for i = 1, total do reply[4 + i] = results[i] end
end
return reply
