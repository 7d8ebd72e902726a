-- How every queue stands.
--
-- KEYS[1]  prefix
-- Reply    { the counters as field, value ... (see common.lua) }, { the paused queues }, then for each queue with ready jobs
--          { queue, how many, when the one that is ready longest became so, microseconds }
local P, call = KEYS[1], redis.call
local reply = { call('HGETALL', P .. 'q'), call('SMEMBERS', P .. 'paused') }
for _, queue in ipairs(call('ZRANGE', P .. 'rq', 0, -1)) do
  local ready, oldest = 0, nil
  for _, lane in ipairs(call('ZRANGE', P .. 'l:' .. queue, 0, -1)) do
    local key = P .. 'r:' .. queue .. '\0' .. lane
    ready = ready + call('ZCARD', key)
    local first = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    if first and (not oldest or first < oldest) then oldest = first end
  end
  reply[#reply + 1] = { queue, ready, oldest and string.format('%.0f', oldest) or '0' }
end
return reply
