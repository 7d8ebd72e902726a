-- How many ready jobs of a queue come before a place.
--
-- KEYS[1]  prefix
-- ARGV     1 queue; 2 priority code (3 digits); 3 ready at, microseconds; 4 the job's number, 13 digits
-- Reply    the count
local P, call = KEYS[1], redis.call
local count = 0
for _, lane in ipairs(call('ZRANGE', P .. 'l:' .. ARGV[1], 0, -1)) do
  local key, priority = P .. 'r:' .. ARGV[1] .. '\0' .. lane, string.sub(lane, 1, 3)
  if priority < ARGV[2] then
    count = count + call('ZCARD', key)
  elseif priority == ARGV[2] then
    -- Those of one moment lie in the order of their numbers: halve.
    local low, high = call('ZCOUNT', key, '-inf', '(' .. ARGV[3]), call('ZCOUNT', key, '-inf', ARGV[3])
    while low < high do
      local middle = math.floor((low + high) / 2)
      if call('ZRANGE', key, middle, middle)[1] < ARGV[4] then low = middle + 1 else high = middle end
    end
    count = count + low
  end
end
return count
