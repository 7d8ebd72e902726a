-- Opens the store for a server: at its start and whenever it has connected anew. Makes the store when there is none.
--
-- KEYS[1]  prefix
-- ARGV     1 the salt that a new store gets; 2 now, microseconds; 3 the caller's name; 4 the length of a lease and
--          5 how long after an attempt's deadline a lease ends at the latest, microseconds
-- Reply    { salt, a number that no other call got, cursor of the newest event, when promote or reclaim is due next ('' for
--            never), how many queues are paused, these, the queues that have ready jobs ... }
-- Error    GKVERSION when the store is of another version
--
-- When no server has been there for three seconds (by Redis's clock), nobody could renew a lease: every one gets a full
-- term, its worker may come back.
local P, now, call = KEYS[1], tonumber(ARGV[2]), redis.call
local format, sub = string.format, string.sub
local meta = call('HMGET', P .. 'm', 'version', 'salt')
if not meta[2] then
  call('HSET', P .. 'm', 'version', '1', 'salt', ARGV[1], 'seq', '0', 'cursor', '0', 'trimmed', '0', 'bytes', '0')
  meta[2] = ARGV[1]
elseif meta[1] ~= '1' then
  return redis.error_reply('GKVERSION the store has version ' .. tostring(meta[1]) .. ', this server knows 1')
end
local epoch = call('HINCRBY', P .. 'm', 'epoch', 1)

local time = call('TIME')
local millis = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if call('ZCOUNT', P .. 'servers', format('%.0f', millis - 3000), '+inf') == 0 then
  local longest = now + tonumber(ARGV[4])
  local passed = 0
  while true do
    local lapsing = call('ZRANGEBYSCORE', P .. 'lease', '-inf', format('(%.0f', longest), 'LIMIT', passed, 1000)
    if #lapsing == 0 then break end
    local renewed, capped = {}, {}
    for _, s in ipairs(lapsing) do
      local till = longest
      local state = call('HGET', P .. 'j:' .. sub(s, 1, 10), sub(s, 11, 13) .. 's')
      local deadline = state and struct.unpack('>I8', state, 35) or 0
      if deadline > 0 and deadline + tonumber(ARGV[5]) < till then
        capped[#capped + 1] = { s, deadline + tonumber(ARGV[5]) }
      else
        renewed[#renewed + 1] = format('%.0f', till)
        renewed[#renewed + 1] = s
      end
    end
    if #renewed > 0 then call('ZADD', P .. 'lease', unpack(renewed)) end
    for _, lease in ipairs(capped) do call('ZADD', P .. 'lease', format('%.0f', lease[2]), lease[1]) end
    passed = passed + #capped
  end
end
call('ZADD', P .. 'servers', format('%.0f', millis), ARGV[3])

local due
for _, name in ipairs({ 'due', 'exp', 'lease' }) do
  local first = call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2]
  if first and (not due or tonumber(first) < due) then due = tonumber(first) end
end
local reply = { meta[2], epoch, tonumber(call('HGET', P .. 'm', 'cursor') or 0), due and format('%.0f', due) or '' }
local paused = call('SMEMBERS', P .. 'paused')
reply[5] = #paused
for _, queue in ipairs(paused) do reply[#reply + 1] = queue end
for _, queue in ipairs(call('ZRANGE', P .. 'rq', 0, -1)) do reply[#reply + 1] = queue end
return reply
