-- One slice of what people ask for all jobs of a queue, in the order of their enqueue.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua
--          6 'd' (delete), 'r' (retry) or 'R' (retry with attempts counted afresh); 7 queue; 8 states, one byte each;
--          9 name or ''; 10 the number to go on after; 11 how many jobs to look at
-- Reply    see common.lua, then how many jobs were changed, and the number to go on after ('' when all is done)
local op, queue, states, name = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local after, limit = tonumber(ARGV[10]), tonumber(ARGV[11])
local looked, changed_jobs, more = 0, 0, ''
local numbers = {}
local from = floor((after + 1) / 1000)
while looked < limit do
  local blocks = call('ZRANGEBYSCORE', P .. 'blocks', from, '+inf', 'LIMIT', 0, 1)
  if not blocks[1] then break end
  local block = blocks[1]
  from = tonumber(block) + 1
  for _, field in ipairs(call('HKEYS', P .. 'j:' .. block)) do
    if #field == 3 and tonumber(block .. field) > after then numbers[#numbers + 1] = block .. field end
  end
  looked = #numbers
end
table.sort(numbers)
local slice = {}
for i = 1, math.min(limit, #numbers) do slice[i] = numbers[i] end
if #numbers > limit or (#numbers == limit and call('ZCOUNT', P .. 'blocks', from, '+inf') > 0) then
  more = format('%.0f', tonumber(slice[#slice]))
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
