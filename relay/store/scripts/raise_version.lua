-- raise_version: the count of changes goes on from where the shards know it to be, when a failover has lost some of it.
--
-- KEYS[1]: prefix of the global tag. ARGV: version that a shard has heard of
-- webhook_version  string  never lower than that
-- Answers with the version.

local version = tonumber(redis.call('GET', key.webhook_version) or '0')
if version >= tonumber(ARGV[1]) then return version end
redis.call('SET', key.webhook_version, ARGV[1])
return tonumber(ARGV[1])
