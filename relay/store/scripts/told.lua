-- told: every shard has been told of a change to a webhook.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, version
-- untold  zset  id leaves it, unless it has changed again
-- Answers with 1, or 0 where it has.

if redis.call('ZSCORE', key.untold, ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('ZREM', key.untold, ARGV[1])
