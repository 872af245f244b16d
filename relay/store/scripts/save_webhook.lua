-- save_webhook: one change to one webhook, or its removal, gets the next version.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, version that must stand now ('' any, '0' none may stand or ever have stood),
--          record ('' removes it)
-- webhooks          hash    id → '<version> <record>'
-- webhook_changes   zset    id → version; who was removed leaves it after REMEMBERED_S
-- webhook_removals  zset    id → Unix second of its removal
-- webhook_births    zset    id → its first version
-- webhook_version   string  counts
-- untold            zset    id → version: to be told to the shards
-- Answers with the new version, or -1 where another version stands.

local REMEMBERED_S, TRIMS = 7 * 24 * 3600, 100
local id, expected, record = unpack(ARGV)
local stands = redis.call('HGET', key.webhooks, id)
local version = stands and string.match(stands, '^%d+') or redis.call('ZSCORE', key.webhook_removals, id) and 'gone' or '0'
if expected ~= '' and expected ~= version then return -1 end

local new = redis.call('INCR', key.webhook_version)
redis.call('ZADD', key.untold, new, id)
redis.call('ZADD', key.webhook_changes, new, id)
if record ~= '' then
  redis.call('HSET', key.webhooks, id, string.format('%.0f ', new) .. record)
  redis.call('ZADD', key.webhook_births, 'NX', new, id)
else
  local now_s = redis.call('TIME')[1]
  redis.call('HDEL', key.webhooks, id)
  redis.call('ZREM', key.webhook_births, id)
  redis.call('ZADD', key.webhook_removals, now_s, id)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', key.webhook_removals, '-inf', now_s - REMEMBERED_S, 'LIMIT', 0, TRIMS)) do
    redis.call('ZREM', key.webhook_removals, old)
    redis.call('ZREM', key.webhook_changes, old)
  end
end
return new
