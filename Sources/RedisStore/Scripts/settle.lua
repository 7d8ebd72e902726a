-- Ends leases, if they are still held.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua
--          then two for each settlement: the job's id; the number inside it (13 digits, or 13 spaces when it was not made
--          here), the token (8), and one of
--            's' result | 'f' draw (double) failure | 'r' delay (8) | 'c' draw (double) | 'u' unconfirmed | 'l' lost
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
    open(job)
    local op = sub(what, 22, 22)
    if op == 's' then
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
    result = job.state
  end
  n = n + 1
  results[n] = char(result)
end
write_jobs()
return { cursor_before, write_events(), next_due(), table.concat(results) }
