-- Adds events that are no job's, all of one moment (now).
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; then each event as it is stored
-- Reply    see common.lua
for i = 4, #ARGV do
  event_count = event_count + 1
  events[event_count] = ARGV[i]
end
return { cursor_before, write_events(), next_due() }
