-- Lists jobs, newest first, looking at a bounded number of them.
--
-- KEYS[1]  prefix
-- ARGV     1 queue or ''; 2 states, one byte each, or ''; 3 name or ''; 4 batch or ''; 5 only jobs before this number;
--          6 how many jobs to return; 7 how many bytes to stop at
-- Reply    { the number to go on before, or '' when all were looked at; then for each job four: as in read.lua }
local P, call, sub, byte = KEYS[1], redis.call, string.sub, string.byte
local queue, states, name, batch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local before, wanted, most = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local reply, found, bytes, slices = { '' }, 0, 0, 0

local function matches(rec, st)
  local q = byte(rec, 1) + 4
  local queue_length = byte(rec, q)
  if queue ~= '' and sub(rec, q + 1, q + queue_length) ~= queue then return false end
  local n = q + queue_length + 1
  local name_length = struct.unpack('>I2', rec, n)
  if name ~= '' and sub(rec, n + 2, n + 1 + name_length) ~= name then return false end
  local b = n + 2 + name_length
  local batch_length = struct.unpack('>I2', rec, b)
  if batch ~= '' and sub(rec, b + 2, b + 1 + batch_length) ~= batch then return false end
  if states == '' then return true end
  local state
  if st then
    state = sub(st, 1, 1)
  else
    local created, run = struct.unpack('>I8I8', rec, b + 2 + batch_length + 6)
    state = run > created and '\1' or '\2'
  end
  return string.find(states, state, 1, true) ~= nil
end

local top = math.floor((before - 1) / 1000)
while true do
  local block = call('ZREVRANGEBYSCORE', P .. 'blocks', string.format('%.0f', top), '-inf', 'LIMIT', 0, 1)[1]
  if not block then break end
  local key, base = P .. 'j:' .. block, tonumber(block) * 1000
  local high = math.min(999, before - 1 - base)
  while high >= 0 do
    -- Fifty at a time: a record may be large.
    local low, fields, n = math.max(0, high - 49), {}, 0
    for i = high, low, -1 do
      local field = string.format('%03d', i)
      fields[n + 1], fields[n + 2], n = field, field .. 's', n + 2
    end
    local got = call('HMGET', key, unpack(fields, 1, n))
    for i = high, low, -1 do
      local at = 2 * (high - i)
      local rec, st = got[at + 1], got[at + 2]
      if rec then
        bytes = bytes + 64
        if matches(rec, st) then
          local s = string.format('%013d', base + i)
          if byte(rec, byte(rec, 1) + 4 + byte(rec, byte(rec, 1) + 2) * 256 + byte(rec, byte(rec, 1) + 3)) >= 64 then
            rec = rec .. (call('HGET', key, sub(s, 11, 13) .. 'b') or '')
          end
          local r = #reply
          reply[r + 1], reply[r + 2], reply[r + 3] = s, rec, st or ''
          reply[r + 4] = call('ZSCORE', P .. 'lease', s) or ''
          found, bytes = found + 1, bytes + #rec
        end
        if found == wanted or bytes >= most then
          reply[1] = string.format('%.0f', base + i)
          return reply
        end
      end
    end
    high = low - 1
  end
  slices = slices + 1
  top = tonumber(block) - 1
  if slices == 4 then
    reply[1] = string.format('%.0f', base)
    return reply
  end
end
return reply
