-- Forgets final jobs and events whose time is over.
--
-- KEYS[1]  prefix
-- ARGV     1-3 see common.lua; 4, 5 see job.lua; 6 how many of each at most; 7 how long events are kept, microseconds;
--          8 their bytes at most
-- Reply    see common.lua, then when there is something to forget again, microseconds ('' when nothing is known)
--
-- Jobs that end together are one entry of P ends: their numbers, 13 digits each. A job that was deleted or tried again
-- since is still listed, so each is looked at before it is forgotten.
local limit = tonumber(ARGV[6])
local left, gone = limit, {}
while left > 0 do
  local first = call('ZRANGE', P .. 'ends', 0, 0, 'WITHSCORES')
  if not first[1] or tonumber(first[2]) > now then break end
  local numbers = {}
  for i = 1, #first[1], 13 do numbers[#numbers + 1] = sub(first[1], i, i + 12) end
  table.sort(numbers)
  local slice = {}
  for i = 1, math.min(left, #numbers) do slice[i] = numbers[i] end
  call('ZREM', P .. 'ends', first[1])
  if #slice < #numbers then call('ZADD', P .. 'ends', first[2], table.concat(numbers, '', #slice + 1)) end
  left = left - #slice
  fetch(slice)
  for _, s in ipairs(slice) do
    local job = jobs[s]
    local rec, st = job.rec, job.st
    local state = rec and st and byte(st, 1)
    if state and state >= SUCCEEDED and state <= EXPIRED and unpack_struct('>I8', st, 35) <= now then
      measure(job)
      if byte(rec, job.h + 1) % 32 < 16 and state ~= DEAD then
        -- Without a unique key there is nothing to let go of.
        drop(job)
        job.rec, job.st = false, false
        local at = job.id_length + 4
        local queue = sub(rec, at + 1, at + byte(rec, at))
        gone[queue] = (gone[queue] or 0) + 1
      elseif open(job) then
        forget(job)
      end
    end
  end
end
local queues = {}
for queue in pairs(gone) do queues[#queues + 1] = queue end
table.sort(queues)
for _, queue in ipairs(queues) do count(queue, 'n', -gone[queue]) end
write_jobs()

local bytes, most, before, removed = tonumber(meta[4] or 0), tonumber(ARGV[8]), now - tonumber(ARGV[7]), 0
local oldest, trimmed
left = limit
-- Mostly the oldest entry stays, so one is looked at first: an entry has all events of a tick, and Lua hashes every byte it is given.
local slice = 1
while left > 0 do
  local entries = call('XRANGE', P .. 'ev', '-', '+', 'COUNT', math.min(left, slice))
  slice = math.min(slice * 4, 64)
  local last
  for _, entry in ipairs(entries) do
    local blob = entry[2][2]
    local at, n = unpack_struct('>I8I4', blob)
    if at > before and bytes - removed <= most then
      oldest = at
      break
    end
    left = left - n
    removed = removed + #blob
    last = entry[1]
    if left <= 0 then break end
  end
  if last then
    trimmed = string.match(last, '^%d+')
    call('XTRIM', P .. 'ev', 'MINID', format('%.0f-0', tonumber(trimmed) + 1))
  end
  if oldest or not last then break end
end
if trimmed then call('HSET', META, 'trimmed', trimmed, 'bytes', format('%.0f', bytes - removed)) end

local next_end = call('ZRANGE', P .. 'ends', 0, 0, 'WITHSCORES')[2]
local soonest = next_end and tonumber(next_end)
if left <= 0 then
  soonest = now
elseif oldest then
  soonest = math.min(soonest or oldest + tonumber(ARGV[7]), oldest + tonumber(ARGV[7]))
end
return { cursor_before, write_events(), next_due(), soonest and format('%.0f', soonest) or '' }
