-- save_webhook: one change to one webhook, or its removal, gets the next version.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, version that must stand now ('' any, '0' none may stand), record ('' removes it)
-- webhooks         hash    id → '<version> <record>'
-- webhook_changes  zset    id → version
-- webhook_births   zset    id → its first version
-- webhook_version  string  counts
-- Answers with the new version, or -1 where another version stands.

local stands = redis.call('HGET', key.webhooks, ARGV[1])
local version = stands and string.match(stands, '^%d+') or '0'
if ARGV[2] ~= '' and ARGV[2] ~= version then return -1 end
local new = redis.call('INCR', key.webhook_version)
if ARGV[3] == '' then
  redis.call('HDEL', key.webhooks, ARGV[1])
  redis.call('ZREM', key.webhook_births, ARGV[1])
else
  redis.call('HSET', key.webhooks, ARGV[1], string.format('%.0f ', new) .. ARGV[3])
  redis.call('ZADD', key.webhook_births, 'NX', new, ARGV[1])
end
redis.call('ZADD', key.webhook_changes, new, ARGV[1])
return new
