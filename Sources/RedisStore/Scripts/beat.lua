-- What every server says once a second: that it is there. And what it asks: what it may have missed.
--
-- KEYS[1]  prefix
-- ARGV     1 the caller's name
-- Reply    { salt, cursor of the newest event, when promote or reclaim is due next, microseconds ('' for never),
--            1 when no server has been there for three seconds: then this does not count either, the caller must say hello }
--
-- A Redis that hung finds beats of before it hung in its sockets, which nobody waits for any more: they must not hide
-- from the first hello that nobody could renew a lease.
local P, call, format = KEYS[1], redis.call, string.format
local meta = call('HMGET', P .. 'm', 'salt', 'cursor')
if not meta[1] then return { '', 0, '', 0 } end
local time = call('TIME')
local millis = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local was_alone = 1
if call('ZCOUNT', P .. 'servers', format('%.0f', millis - 3000), '+inf') > 0 then
  was_alone = 0
  call('ZADD', P .. 'servers', format('%.0f', millis), ARGV[1])
end
for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'servers', '-inf', format('%.0f', millis - 60000), 'LIMIT', 0, 100)) do
  call('HDEL', P .. 'w', name)
  call('ZREM', P .. 'servers', name)
end
local due
for _, name in ipairs({ 'due', 'exp', 'lease' }) do
  local first = call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2]
  if first and (not due or tonumber(first) < due) then due = tonumber(first) end
end
return { meta[1], tonumber(meta[2] or 0), due and format('%.0f', due) or '', was_alone }
