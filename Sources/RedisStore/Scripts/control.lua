-- What people ask for single jobs.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua
--          then three for each: the job's id, the number inside it (13 digits) or '', and one of
--            'c' reason: cancel | 'r': retry | 'R': retry with attempts counted afresh | 'd': delete
-- Reply    see common.lua, then for each four: 'n' (not found), 'd' (done), 'r' (refused) or 'l' (cancel: the job is running);
--          the job's state; and for 'l' head and state of the job with the payload's size (4) before it
-- Signal   for a running job that is to be canceled: P cancels, with the caller's name, NUL, token, id, NUL, reason
local reply, n = {}, 4
local function answer(code, state, head, packed)
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = code, state, head or '', packed or ''
  n = n + 4
end

for i = 6, #ARGV, 3 do
  local id, hint, what = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local s = call('HGET', P .. 'ids', id) or (hint ~= '' and hint)
  if s then fetch({ s }) end
  local job = s and jobs[s]
  if not job or not open(job) or id_of(job) ~= id then
    answer('n', 0)
  else
    local op, state = sub(what, 1, 1), job.state
    if op == 'c' then
      if state == RUNNING then
        if job.fl % 2 == 0 then job.fl = job.fl + 1 end
        local reason = sub(what, 2)
        if reason ~= '' then job.tail = reason end
        change(job)
        answer('l', state, job.head, pack('>I4', job.size) .. pack_state(job))
        call('PUBLISH', P .. 'cancels', me .. '\0' .. job.token .. id .. '\0' .. reason)
      elseif state >= SUCCEEDED and state <= EXPIRED then
        answer('r', state)
      else
        leave(job)
        cancel(job, sub(what, 2))
        answer('d', CANCELED)
      end
    elseif op == 'd' then
      if state == RUNNING then
        answer('r', state)
      else
        forget(job)
        answer('d', state)
      end
    else
      local code = retry(job, op == 'R')
      answer(code, job.state)
    end
  end
end
write_jobs()
reply[2] = write_events()
reply[1], reply[3], reply[4] = cursor_before, next_due(), ''
return reply
