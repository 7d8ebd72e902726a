-- Who leads. Time is Redis's own, and only spans of it count.
--
-- KEYS[1]  the hash of what the store is (see Layout.swift)
-- ARGV     1 'seek', 'renew' or 'resign'; 2 the server's id; 3 seek: how long a leader may be silent, in milliseconds; others: the epoch;
--          4-6 seek: the newest epoch, change set and cursor that the server knows of
-- Reply    seek: { 1 if the server leads now, the epoch, who leads, 1 if Redis has lost change sets that the server knew of };
--          others: the epoch
-- Error    GKSTALE: there is no store (any more); GKFENCED: another epoch has begun
local M, call = KEYS[1], redis.call
local verb, id = ARGV[1], ARGV[2]
local stored = call('HMGET', M, 'version', 'epoch', 'number', 'cursor', 'leader', 'renewed')
if stored[1] ~= '2' then return redis.error_reply('GKSTALE the store is gone') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, leader, renewed = tonumber(stored[2]), stored[5] or '', tonumber(stored[6] or 0)

if verb ~= 'seek' then
  local leads = leader == id and stored[2] == ARGV[3]
  if verb == 'resign' then
    if leads then call('HSET', M, 'leader', '') end
  elseif leads then
    call('HSET', M, 'renewed', string.format('%.0f', now))
  else
    return redis.error_reply('GKFENCED epoch ' .. stored[2])
  end
  return epoch
end

-- A clock that was set back says nothing of how long the leader was silent: from now on it counts anew.
if renewed > now then
  call('HSET', M, 'renewed', string.format('%.0f', now))
  renewed = now
end
if leader ~= '' and leader ~= id and now - renewed < tonumber(ARGV[3]) then return { 0, epoch, leader, 0 } end

local known, number, cursor = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lost = known > epoch or (known == epoch and number > tonumber(stored[3])) or cursor > tonumber(stored[4])
if lost then
  -- Cursors that were given out are never given again, and what they stood for is said to be gone.
  local base = string.format('%.0f', math.max(cursor, tonumber(stored[4])) + 2 ^ 32)
  call('HSET', M, 'cursor', base, 'trimmed', base, 'bytes', '0')
  call('DEL', ARGV[7])
end
-- Seconds since 2023 are below every epoch that a store which lost its newest may have given out without anybody left who knows.
epoch = math.max(epoch, known, time[1] - 1700000000) + 1
call('HSET', M, 'epoch', epoch, 'number', '0', 'leader', id, 'renewed', string.format('%.0f', now))
return { 1, epoch, id, lost and 1 or 0 }
