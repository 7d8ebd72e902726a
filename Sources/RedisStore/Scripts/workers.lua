-- The workers of the other servers that are there: those that were heard of in the last three seconds, by Redis's clock.
--
-- KEYS[1]  prefix
-- ARGV     1 the caller's name
-- Reply    the workers of each such server, packed as it told
local P, call = KEYS[1], redis.call
local time = call('TIME')
local since = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) - 3000)
local reply = {}
for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'servers', since, '+inf')) do
  local workers = name ~= ARGV[1] and call('HGET', P .. 'w', name)
  if workers then reply[#reply + 1] = workers end
end
return reply
