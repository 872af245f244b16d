-- save_connection: one change to one connection, or its removal, gets the next version and is noticed by the workers.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, version that must stand now ('' any, '0' none may stand), record ('' removes it)
-- connections      hash    id → '<version> <record>'
-- standing:<id>    hash    goes with its connection
-- notices          stream  one entry more
-- Answers with the new version, or -1 where another version stands.

local stands = redis.call('HGET', key.connections, ARGV[1])
local version = stands and string.match(stands, '^%d+') or '0'
if ARGV[2] ~= '' and ARGV[2] ~= version then return -1 end
local new = tonumber(version) + 1
if ARGV[3] == '' then
  redis.call('HDEL', key.connections, ARGV[1])
  redis.call('DEL', key.standing(ARGV[1]))
else
  redis.call('HSET', key.connections, ARGV[1], string.format('%.0f ', new) .. ARGV[3])
end
redis.call('XADD', key.notices, 'MAXLEN', '~', 10000, '*', 'k', 'changed', 'o', ARGV[1])
return new
