-- One slice of what people ask for all jobs of a queue, in the order of their enqueue.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua
--          6 'd' (delete), 'r' (retry) or 'R' (retry with attempts counted afresh); 7 queue; 8 states, one byte each;
--          9 name or ''; 10 the number to go on after; 11 how many jobs to look at
-- Reply    see common.lua, then how many jobs were changed, and the number to go on after ('' when all is done)
local op, queue, states, name = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local after, limit = tonumber(ARGV[10]), tonumber(ARGV[11])
local changed_jobs, more = 0, ''
local slice, n = {}, 0

-- The next jobs in the order of their numbers. Numbers without a job cost time too: after ten thousand a new slice begins.
local number, probes, is_done = after + 1, 0, false
while n < limit and probes < 10000 do
  local block = call('ZRANGEBYSCORE', P .. 'blocks', floor(number / 1000), '+inf', 'LIMIT', 0, 1)[1]
  if not block then
    is_done = true
    break
  end
  local key, base = P .. 'j:' .. block, tonumber(block) * 1000
  if number < base then number = base end
  while number < base + 1000 and n < limit do
    local field = format('%03d', number - base)
    -- Only whether it is there: a record may be large.
    if call('HEXISTS', key, field) == 1 then
      n = n + 1
      slice[n] = block .. field
    end
    number, probes = number + 1, probes + 1
  end
end
-- A full slice may have been the last.
if not is_done and call('ZCOUNT', P .. 'blocks', floor(number / 1000), '+inf') > 0 then
  more = format('%.0f', number - 1)
end
fetch(slice)
for _, s in ipairs(slice) do
  local job = jobs[s]
  if open(job) and job.queue == queue and (name == '' or job.name == name)
    and string.find(states, char(job.state), 1, true)
  then
    if op == 'd' then
      if job.state ~= RUNNING then
        forget(job)
        changed_jobs = changed_jobs + 1
      end
    elseif retry(job, op == 'R') == 'd' then
      changed_jobs = changed_jobs + 1
    end
  end
end
write_jobs()
return { cursor_before, write_events(), next_due(), changed_jobs, more }
