-- Loaded before control and sweep: a person asks for a job to be tried again; 'd' done, 'r' refused.
--
-- A final job forgets its end but not its failures and takes its unique key back; a start_before that has passed is dropped.
local function retry(job, afresh)
  local state = job.state
  if state ~= RETRYING and (state < DEAD or state > EXPIRED) then return 'r' end
  if state ~= RETRYING and job.key then
    local held = call('HGET', P .. 'u', job.key)
    if held and sub(held, 1, 13) ~= job.s then
      local till = tonumber(sub(held, 14))
      if not till or till > now then return 'r' end
    end
    call('HSET', P .. 'u', job.key, job.s)
  end
  leave(job)
  if job.start_before and job.start_before <= now then
    job.start_before = nil
    job.fl = job.fl + 2
  end
  if afresh then job.attempt, job.lost = 0, 0 end
  job.finished8, job.tail, job.run8 = ZERO8, '', now8
  make_ready(job)
  return 'd'
end
