-- Settles leases whose end has come: as failed when the attempt's deadline has passed, else as lost.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua; 6 how many leases at most
-- Reply    see common.lua, then four for each lease: the job's id, the token, the worker's id, the job's state now
local lapsed = call('ZRANGEBYSCORE', P .. 'lease', '-inf', ARGV[2], 'LIMIT', 0, tonumber(ARGV[6]))
fetch(lapsed)
local reply, n = {}, 4
for _, s in ipairs(lapsed) do
  local job = jobs[s]
  if open(job) and job.state == RUNNING then
    local token, worker = job.token, job.worker
    if job.x8 ~= ZERO8 and unpack_struct('>I8', job.x8) <= now then
      -- Nobody draws here: the middle of the spread.
      fail(job, failure_text('timeout', 'the attempt took too long', true), 0.5)
    else
      lose(job)
    end
    reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = id_of(job), token, worker, job.state
    n = n + 4
  else
    -- A ghost: the job it was for is not running, or is gone.
    remove('lease', s)
  end
end
write_jobs()
reply[2] = write_events()
reply[1], reply[3], reply[4] = cursor_before, next_due(), ''
return reply
