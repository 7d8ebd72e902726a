-- Ends leases, if they are still held.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua
--          then two for each settlement: the job's id; the number inside it (13 digits, or 13 spaces when it was not made
--          here), the token (8), and one of
--            's' result | 'f' draw (double) failure | 'r' delay (8) | 'c' draw (double) | 'u' unconfirmed | 'l' lost
--          the last two followed by the time (8) by which the lease must end to count as held, or 0
-- Reply    see common.lua, then one byte for each settlement: the job's state now, 0 when the lease was not held
local custom, custom_n, numbers = {}, 0, {}
local last = #ARGV
for i = 6, last, 2 do
  if byte(ARGV[i + 1], 1) == 32 then
    custom_n = custom_n + 1
    custom[custom_n] = ARGV[i]
  else
    numbers[#numbers + 1] = sub(ARGV[i + 1], 1, 13)
  end
end
local known = {}
for from = 1, custom_n, 4000 do
  local to = math.min(from + 3999, custom_n)
  for i, s in ipairs(call('HMGET', P .. 'ids', unpack(custom, from, to))) do
    if s then
      known[custom[from + i - 1]] = s
      numbers[#numbers + 1] = s
    end
  end
end
fetch(numbers)

-- A job that succeeds and holds no unique key, which most do, is not taken apart: its state is cut and joined.
local states, state_blocks, states_seen, succeeded = {}, {}, {}, {}
local kept8 = pack('>I8', now + tonumber(ARGV[4]))
local ended, ended_n, kept = {}, 0, tonumber(ARGV[4])
local function succeed(job, what)
  local rec, st, s = job.rec, job.st, job.s
  measure(job)
  local h, id_length = job.h, job.id_length
  local flags = byte(rec, h + 1)
  if flags % 32 >= 16 then return false end
  local queue_length = byte(rec, id_length + 4)
  local expires = now + kept
  if flags % 8 >= 4 then
    local skipped = (flags % 2) * 8 + (flags % 4 >= 2 and 8 or 0)
    expires = now + unpack_struct('>I8', rec, h + 23 + skipped)
  end
  local w, f, p = unpack_struct('>I2I4I4', st, 51)
  local fl = byte(st, 2)
  local result = sub(what, 23)
  local block = sub(s, 1, 10)
  touch(state_blocks, states_seen, block)
  append(states, block, sub(s, 11, 13) .. 's', '\5' .. char(fl - fl % 2) .. sub(st, 3, 26) .. now8
    .. (expires == now + kept and kept8 or pack('>I8', expires)) .. ZERO8 .. sub(st, 51, 60)
    .. pack('>I4', #result) .. sub(st, 65, 64 + w + f + p) .. result)
  ended_n = ended_n + 1
  ended[ended_n] = s
  event_count = event_count + 1
  events[event_count] = '\5\0' .. sub(st, 3, 6) .. sub(st, 51, 52) .. sub(st, 65, 64 + w) .. sub(rec, 1, h)
  end_at(format('%.0f', expires), s)
  local queue = sub(rec, id_length + 5, id_length + 4 + queue_length)
  succeeded[queue] = (succeeded[queue] or 0) + 1
  job.changed = true
  return true
end

local results, n = {}, 0
for i = 6, last, 2 do
  local id, what = ARGV[i], ARGV[i + 1]
  local s = byte(what, 1) == 32 and known[id] or sub(what, 1, 13)
  local job = jobs[s]
  if byte(what, 1) ~= 32 and not (job and job.rec and sub(job.rec, 2, 1 + byte(job.rec, 1)) == id) then
    -- Someone chose an id that looks like one made here.
    s = call('HGET', P .. 'ids', id)
    if s then fetch({ s }) end
    job = s and jobs[s]
  end
  local result = 0
  if job and job.rec and job.st and byte(job.st, 1) == RUNNING and not job.changed
    and sub(job.st, 43, 50) == sub(what, 14, 21) and sub(job.rec, 2, 1 + byte(job.rec, 1)) == id
  then
    local op = sub(what, 22, 22)
    local ends_by = (op == 'u' or op == 'l') and unpack_struct('>I8', what, 23) or 0
    if ends_by > 0 and (tonumber(call('ZSCORE', P .. 'lease', s)) or 0) > ends_by then
      -- Another server has the worker now and has renewed it.
      job = nil
    elseif op == 's' and succeed(job, what) then
      job.state = SUCCEEDED
    elseif open(job) and op == 's' then
      leave(job)
      count(job.queue, 's', 1)
      finish(job, SUCCEEDED)
      job.tail = sub(what, 23)
      note(5, job)
    elseif op == 'f' then
      fail(job, sub(what, 31), (unpack_struct('>d', what, 23)))
    elseif op == 'r' then
      give_back(job, (unpack_struct('>I8', what, 23)))
    elseif op == 'c' then
      if job.fl % 2 == 1 then
        leave(job)
        cancel(job, job.tail)
      else
        local failure = failure_text('canceled', 'the worker stopped the job without being told to', true)
        fail(job, failure, (unpack_struct('>d', what, 23)))
      end
    elseif op == 'u' then
      give_back(job, 0)
    else
      lose(job)
    end
    result = job and job.state or 0
  end
  n = n + 1
  results[n] = char(result)
end
for _, block in ipairs(state_blocks) do many('HSET', P .. 'j:' .. block, states[block], states[block].n) end
many('ZREM', P .. 'lease', ended, ended_n)
local queues = {}
for queue in pairs(succeeded) do queues[#queues + 1] = queue end
table.sort(queues)
for _, queue in ipairs(queues) do
  count(queue, 's', succeeded[queue])
  count(queue, 'r', -succeeded[queue])
end
write_jobs()
return { cursor_before, write_events(), next_due(), table.concat(results) }
