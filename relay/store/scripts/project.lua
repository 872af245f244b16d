-- project: a shard learns of a change to a webhook, or of its removal.
--
-- ARGV: retention ms, version, webhook, status (enabled, disabled, deleted), max in flight, rate a second (0: none),
--       timeout ms, 1 to drain what is held
-- gate:<webhook>  made or changed, unless it knows of this change or a later one; to be enabled forgets its failures
-- version, ledger:* (live webhooks, and the count of events at which each began), turns, fresh, due, held, bell
-- Answers with 1, or 0 where it was known.

local version, webhook, status, max, rate, timeout, drains = unpack(ARGV, 2, 8)
local name = key.gate(webhook)
local before, known = unpack(redis.call('HMGET', name, 'status', 'version'))
if before and tonumber(known or 0) >= tonumber(version) then return 0 end

local function count(live, baseline, retired)
  redis.call('HINCRBY', key.ledger('*'), 'live', live)
  redis.call('HINCRBY', key.ledger('*'), 'baseline', whole(baseline))
  redis.call('HINCRBY', key.ledger('*'), 'retired', whole(retired))
end

local events = tonumber(redis.call('HGET', key.ledger('*'), 'events') or '0')
if before == 'deleted' or before == 'gone' then
  redis.call('HSET', name, 'version', version) -- an id is given once
elseif status == 'deleted' and not before then
  redis.call('HSET', name, 'status', 'gone', 'version', version)
  redis.call('PEXPIRE', name, retention_ms)
else
  redis.call('HSET', name, 'version', version, 'status', status, 'max', max, 'rate', rate, 'timeout', timeout)
  if not before then
    redis.call('HSET', name, 'baseline', whole(events))
    count(1, events, 0)
  elseif status == 'deleted' then
    local baseline = tonumber(redis.call('HGET', name, 'baseline') or '0')
    count(-1, -baseline, events - baseline)
  end
  if status ~= 'enabled' then redis.call('HDEL', name, 'drain') end
  if status == 'enabled' and before ~= 'enabled' then
    redis.call('HDEL', name, 'fails', 'since', 'failed', 'warned', 'pause')
  end
  if status == 'enabled' and drains == '1' then redis.call('HSET', name, 'drain', 2) end
  schedule(webhook, gate_of(webhook))
  ring_if_soon()
end

if tonumber(version) > tonumber(redis.call('GET', key.version) or '0') then redis.call('SET', key.version, version) end
return 1
