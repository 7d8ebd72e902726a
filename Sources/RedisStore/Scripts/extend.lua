-- Renews leases, and stores progress.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4 how long after an attempt's deadline its lease ends at the latest, microseconds
--          then four for each lease: the job's id; the number inside it (13 digits, or 13 spaces) and the token (8); the
--          new end, microseconds, and where that is asked, after a space, the time by which the lease must end for its end to be
--          changed; the progress (percent (4), message), or '' for none
-- Reply    see common.lua, then for each lease two: the job's head and its state with the payload's size (4) before it; both
--          '' when the lease is not held
local numbers = {}
local last = #ARGV
local known = {}
for i = 5, last, 4 do
  if byte(ARGV[i + 1], 1) == 32 then
    known[ARGV[i]] = call('HGET', P .. 'ids', ARGV[i]) or nil
    numbers[#numbers + 1] = known[ARGV[i]]
  else
    numbers[#numbers + 1] = sub(ARGV[i + 1], 1, 13)
  end
end
fetch(numbers)

local grace, results, n = tonumber(ARGV[4]), {}, 4
for i = 5, last, 4 do
  local id, lease, till, progress = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local job = jobs[byte(lease, 1) == 32 and known[id] or sub(lease, 1, 13)]
  if byte(lease, 1) ~= 32 and not (job and job.rec and sub(job.rec, 2, 1 + byte(job.rec, 1)) == id) then
    -- Someone chose an id that looks like one made here.
    local s = call('HGET', P .. 'ids', id)
    if s then fetch({ s }) end
    job = s and jobs[s]
  end
  local st = job and job.rec and job.st
  results[n + 1], results[n + 2] = '', ''
  if st and byte(st, 1) == RUNNING and sub(st, 43, 50) == sub(lease, 14, 21)
    and sub(job.rec, 2, 1 + byte(job.rec, 1)) == id
  then
    local deadline8 = sub(st, 35, 42)
    local space = string.find(till, ' ', 1, true)
    local is_mine = true
    if space then
      -- Another server has renewed it, which has the worker now: it keeps its end.
      is_mine = (tonumber(call('ZSCORE', P .. 'lease', job.s)) or 0) <= tonumber(sub(till, space + 1))
      till = sub(till, 1, space - 1)
    end
    if deadline8 ~= ZERO8 then
      local longest = unpack_struct('>I8', deadline8) + grace
      if tonumber(till) > longest then till = format('%.0f', longest) end
    end
    if is_mine then add('lease', till, job.s) end
    if progress ~= '' then
      open(job)
      job.progress = sub(progress, 1, 4) .. now8 .. sub(progress, 5)
      note(4, job, 3, job.progress)
      change(job)
    else
      measure(job)
    end
    results[n + 1], results[n + 2] = sub(job.rec, 1, job.h), sub(job.rec, job.h + 3, job.h + 6) .. st
  end
  n = n + 2
end
write_jobs()
results[2] = write_events()
results[1], results[3], results[4] = cursor_before, next_due(), ''
return results
