-- Reads events as they are stored, several in one entry.
--
-- KEYS[1]  prefix
-- ARGV     1 the cursor to go on after; 2 how many events are wanted; 3 how many bytes to stop at
-- Reply    { salt, the highest cursor that is no longer stored, the newest cursor, then for each entry two: the cursor of its
--            last event, the events }
local P, call = KEYS[1], redis.call
local meta = call('HMGET', P .. 'm', 'salt', 'trimmed', 'cursor')
local reply, n = { meta[1] or '', tonumber(meta[2] or 0), tonumber(meta[3] or 0) }, 3
local wanted, most, events, bytes = tonumber(ARGV[2]), tonumber(ARGV[3]), 0, 0
local after = ARGV[1]
while events < wanted and bytes < most do
  local entries = call('XRANGE', P .. 'ev', '(' .. after .. '-0', '+', 'COUNT', 16)
  for _, entry in ipairs(entries) do
    local blob = entry[2][2]
    local _, count = struct.unpack('>I8I4', blob)
    after = string.match(entry[1], '^%d+')
    reply[n + 1], reply[n + 2], n = after, blob, n + 2
    events, bytes = events + count, bytes + #blob
    if events >= wanted or bytes >= most then break end
  end
  if #entries < 16 then break end
end
return reply
