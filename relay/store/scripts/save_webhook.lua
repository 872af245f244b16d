-- save_webhook: one change to one webhook, or its removal, gets the next version.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, version that must stand now ('' any, '0' none may stand or ever have stood),
--          record ('' removes it)
-- webhooks          hash    id → '<version> <record>'
-- webhook_changes   zset    id → version; who was removed leaves it after REMEMBERED_S
-- webhook_removals  zset    id → Unix second of its removal
-- webhook_births    zset    id → its first version
-- webhook_version   string  grows; at least the millisecond, so that a Redis that was emptied gives none a second time
-- untold            zset    id → version: to be told to the shards
-- Answers with the new version, or -1 where another version stands.

local REMEMBERED_S, TRIMS = 7 * 24 * 3600, 100
local id, expected, record = unpack(ARGV)
local stands = redis.call('HGET', key.webhooks, id)
local version = stands and string.match(stands, '^%d+') or redis.call('ZSCORE', key.webhook_removals, id) and 'gone' or '0'
if expected ~= '' and expected ~= version then return -1 end

local now_s, now_us = unpack(redis.call('TIME'))
local new = math.max(tonumber(redis.call('GET', key.webhook_version) or '0') + 1, now_s * 1000 + math.floor(now_us / 1000))
redis.call('SET', key.webhook_version, string.format('%.0f', new))
redis.call('ZADD', key.untold, new, id)
redis.call('ZADD', key.webhook_changes, new, id)
if record ~= '' then
  redis.call('HSET', key.webhooks, id, string.format('%.0f ', new) .. record)
  redis.call('ZADD', key.webhook_births, 'NX', new, id)
else
  redis.call('HDEL', key.webhooks, id)
  redis.call('ZREM', key.webhook_births, id)
  redis.call('ZADD', key.webhook_removals, now_s, id)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', key.webhook_removals, '-inf', now_s - REMEMBERED_S, 'LIMIT', 0, TRIMS)) do
    redis.call('ZREM', key.webhook_removals, old)
    redis.call('ZREM', key.webhook_changes, old)
  end
end
return new
