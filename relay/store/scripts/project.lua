-- project: a shard learns of a change to a webhook, or of its removal.
--
-- ARGV: retention ms, version, webhook, status (enabled, disabled, deleted), max in flight, rate a second (0: none), timeout ms,
--       1 to drain what is held
-- gate:<webhook>  made or changed; to enable it forgets its failures
-- version, ledger:* (live webhooks, and the count of events at which each began), turns, bell

local version, webhook, status, max, rate, timeout, drains = unpack(ARGV, 2, 8)
local name = key.gate(webhook)
local before = redis.call('HGET', name, 'status')
local events = tonumber(redis.call('HGET', key.ledger('*'), 'events') or '0')

if status ~= 'deleted' or before then
  if not before then
    redis.call('HSET', name, 'baseline', whole(events))
    redis.call('HINCRBY', key.ledger('*'), 'live', 1)
    redis.call('HINCRBY', key.ledger('*'), 'baseline', whole(events))
  elseif status == 'deleted' and before ~= 'deleted' then
    local baseline = tonumber(redis.call('HGET', name, 'baseline') or '0')
    redis.call('HINCRBY', key.ledger('*'), 'live', -1)
    redis.call('HINCRBY', key.ledger('*'), 'baseline', whole(-baseline))
    redis.call('HINCRBY', key.ledger('*'), 'retired', whole(events - baseline))
  end
  redis.call('HSET', name, 'status', status, 'max', max, 'rate', rate, 'timeout', timeout)
  if status == 'enabled' and before ~= 'enabled' then
    redis.call('HDEL', name, 'fails', 'since', 'failed', 'warned', 'pause')
  end
  if drains == '1' then redis.call('HSET', name, 'drain', 1) end
  schedule(webhook, gate_of(webhook))
  ring_if_soon()
end

if tonumber(version) > tonumber(redis.call('GET', key.version) or '0') then redis.call('SET', key.version, version) end
return 1
