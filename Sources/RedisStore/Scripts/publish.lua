-- Tells the other servers of the caller's workers.
--
-- KEYS[1]  prefix
-- ARGV     1 the caller's name; 2 its workers, packed, '' when it has none; then signals for the others, each as P workers has it:
--          the caller's name, NUL, and 'd' worker's id (drain it) or 'a' time (microseconds, 8 bytes) worker's id (it has arrived)
-- Reply    how many servers there are
local P, call = KEYS[1], redis.call
if ARGV[2] == '' then
  call('HDEL', P .. 'w', ARGV[1])
else
  call('HSET', P .. 'w', ARGV[1], ARGV[2])
end
for i = 3, #ARGV do call('PUBLISH', P .. 'workers', ARGV[i]) end
return call('ZCARD', P .. 'servers')
