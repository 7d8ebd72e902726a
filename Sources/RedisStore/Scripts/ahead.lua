-- How many ready jobs of a queue come before a place, and which are the first of them.
--
-- KEYS[1]  prefix
-- ARGV     1 queue; 2 priority code (3 digits); 3 ready at, microseconds; 4 the job's number, 13 digits; 5 how many to name
-- Reply    the count, then the ids
local P, call, byte = KEYS[1], redis.call, string.byte
local most = tonumber(ARGV[5])
local count, first = 0, {}
for _, lane in ipairs(call('ZRANGE', P .. 'l:' .. ARGV[1], 0, -1)) do
  local key, priority = P .. 'r:' .. ARGV[1] .. '\0' .. lane, string.sub(lane, 1, 3)
  local ahead = 0
  if priority < ARGV[2] then
    ahead = call('ZCARD', key)
  elseif priority == ARGV[2] then
    -- Those of one moment lie in the order of their numbers: halve.
    local low, high = call('ZCOUNT', key, '-inf', '(' .. ARGV[3]), call('ZCOUNT', key, '-inf', ARGV[3])
    while low < high do
      local middle = math.floor((low + high) / 2)
      if call('ZRANGE', key, middle, middle)[1] < ARGV[4] then low = middle + 1 else high = middle end
    end
    ahead = low
  end
  count = count + ahead
  local wanted = math.min(ahead, most)
  if wanted > 0 then
    local got = call('ZRANGE', key, 0, wanted - 1, 'WITHSCORES')
    for i = 1, #got, 2 do first[#first + 1] = { priority = priority, at = tonumber(got[i + 1]), s = got[i] } end
  end
end
table.sort(first, function(a, b)
  if a.priority ~= b.priority then return a.priority < b.priority end
  if a.at ~= b.at then return a.at < b.at end
  return a.s < b.s
end)
local reply = { count }
for i = 1, math.min(#first, most) do
  local s = first[i].s
  local record = call('HGET', P .. 'j:' .. string.sub(s, 1, 10), string.sub(s, 11, 13))
  if record then reply[#reply + 1] = string.sub(record, 2, 1 + byte(record, 1)) end
end
return reply
