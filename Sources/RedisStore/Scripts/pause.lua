-- Pauses or resumes a queue.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4 queue; 5 '1' to pause, '0' to resume; 6 the queue's head as events have it
-- Reply    see common.lua
local verb = ARGV[5] == '1' and 'SADD' or 'SREM'
if call(verb, P .. 'paused', ARGV[4]) == 1 then
  event(ARGV[5] == '1' and 20 or 21, 0, '', ARGV[6])
  if ARGV[5] == '0' then wake(ARGV[4]) end
end
return { cursor_before, write_events(), next_due() }
