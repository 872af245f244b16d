-- tend: what no call would change by itself: a journal that nothing comes to any more, and what a clock that has jumped
-- back has put too far ahead.
--
-- ARGV: retention ms
-- journal  stream  entries older than the retention go, but never one behind the cursor of fan-out
-- leases   zset    none ends later than LONGEST_LEASE_MS from now
-- turns    zset    some, by chance, are set anew (fresh, due, held and gate say when)
-- Answers with 1. Needs the bell if something is due now.

local LONGEST_LEASE_MS, SAMPLE = 60000, 100

local cursor = redis.call('GET', key.cursor) or '0-0'
local oldest = math.min(now_ms - retention_ms, tonumber(string.match(cursor, '^%d+')))
redis.call('XTRIM', key.journal, 'MINID', '~', whole(oldest))

local latest = whole(now_ms + LONGEST_LEASE_MS)
for _, sequence in ipairs(redis.call('ZRANGEBYSCORE', key.leases, '(' .. latest, '+inf', 'LIMIT', 0, MOVES)) do
  redis.call('ZADD', key.leases, latest, sequence)
end

for _, webhook in ipairs(redis.call('ZRANDMEMBER', key.turns, SAMPLE)) do
  redis.call('ZREM', key.turns, webhook)
  schedule(webhook, gate_of(webhook))
end
ring_if_soon()
return 1
