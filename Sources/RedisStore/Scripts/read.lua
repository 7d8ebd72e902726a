-- Looks one job up.
--
-- KEYS[1]  prefix
-- ARGV     1 the job's id; 2 the number inside it (13 digits) or ''
-- Reply    {} when there is none, else { number, record with its body, state or '', lease until, microseconds, or '' }
local P, call, sub, byte = KEYS[1], redis.call, string.sub, string.byte
local s = call('HGET', P .. 'ids', ARGV[1]) or (ARGV[2] ~= '' and ARGV[2])
if not s then return {} end
local field = sub(s, 11, 13)
local got = call('HMGET', P .. 'j:' .. sub(s, 1, 10), field, field .. 's', field .. 'b')
local rec = got[1]
if not rec or sub(rec, 2, 1 + byte(rec, 1)) ~= ARGV[1] then return {} end
return { s, rec .. (got[3] or ''), got[2] or '', call('ZSCORE', P .. 'lease', s) or '' }
