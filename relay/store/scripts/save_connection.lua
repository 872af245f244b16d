-- save_connection: one change to one connection, or its removal, gets the next version and wakes the workers.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, version that must stand now ('' any, '0' none may stand), record ('' removes it)
-- connections         hash    id → '<version> <record>'
-- connection_states   hash    id → goes with its connection
-- connection_changes  stream  one entry more; the last ten thousand are enough for workers that look every few seconds
-- Answers with the new version, or -1 where another version stands.

local stands = redis.call('HGET', key.connections, ARGV[1])
local version = stands and string.match(stands, '^%d+') or '0'
if ARGV[2] ~= '' and ARGV[2] ~= version then return -1 end
local new = tonumber(version) + 1
local what = 'saved'
if ARGV[3] == '' then
  what = 'removed'
  redis.call('HDEL', key.connections, ARGV[1])
  redis.call('HDEL', key.connection_states, ARGV[1])
else
  redis.call('HSET', key.connections, ARGV[1], string.format('%.0f ', new) .. ARGV[3])
end
redis.call('XADD', key.connection_changes, 'MAXLEN', '~', 10000, '*', 'i', ARGV[1], 'w', what)
return new
