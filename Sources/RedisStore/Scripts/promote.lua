-- Ends what waits past its start_before, then makes ready what is due.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua; 6 how many jobs at most
-- Reply    see common.lua, then how many jobs were moved
local limit, moved = tonumber(ARGV[6]), 0

local late = call('ZRANGEBYSCORE', P .. 'exp', '-inf', ARGV[2], 'LIMIT', 0, limit)
fetch(late)
for _, s in ipairs(late) do
  local job = jobs[s]
  if open(job) and (job.state == SCHEDULED or job.state == READY or job.state == RETRYING) then
    leave(job)
    finish(job, EXPIRED)
    note(9, job)
  end
  remove('exp', s)
  moved = moved + 1
end

if moved < limit then
  local due = call('ZRANGEBYSCORE', P .. 'due', '-inf', ARGV[2], 'LIMIT', 0, limit)
  fetch(due)
  for _, s in ipairs(due) do
    if moved == limit then break end
    local job = jobs[s]
    if not open(job) then
      remove('due', s)
      moved = moved + 1
    elseif job.state == SCHEDULED or job.state == RETRYING then
      leave(job)
      make_ready(job)
      moved = moved + 1
    elseif job.state ~= EXPIRED then
      remove('due', s)
    end
  end
end
write_jobs()
return { cursor_before, write_events(), next_due(), moved }
