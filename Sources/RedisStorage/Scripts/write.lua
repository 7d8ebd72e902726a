-- Writes change sets: runs the commands that it is given, if the fence holds. Decides nothing.
--
-- KEYS[1]  the hash of what the store is (see Layout.swift)
-- ARGV     1 the leader's epoch; 2 the number of the change set before; then the commands, each as its count of words and its words.
--          They set the new number themselves.
-- Error    GKFENCED: another leads, or another change set was written: nothing was done
--          GKTORN: a command failed, as none does on a store that is whole: the store is marked and not written to again
local call = redis.call
local fence = call('HMGET', KEYS[1], 'epoch', 'number', 'torn')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] then
  return redis.error_reply('GKFENCED epoch ' .. tostring(fence[1]) .. ', change set ' .. tostring(fence[2]))
end
if fence[3] then return redis.error_reply('GKTORN ' .. fence[3]) end
local at, last = 3, #ARGV
while at <= last do
  local words = tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, at + 1, at + words))
  if type(reply) == 'table' and reply.err then
    call('HSET', KEYS[1], 'torn', ARGV[at + 1] .. ' ' .. ARGV[at + 2] .. ': ' .. reply.err)
    return redis.error_reply('GKTORN ' .. reply.err)
  end
  at = at + words + 1
end
return 1
