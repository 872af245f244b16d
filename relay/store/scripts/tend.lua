-- tend: what no call would change by itself: a journal that nothing comes to any more, and what a clock that has jumped
-- back has put too far ahead.
--
-- ARGV: retention ms
-- journal  stream  entries older than the retention go, but never one behind the cursor of fan-out
-- leases, reply_turns  zset  none is later than LONGEST_MS from now
-- turns    zset    some, by chance, are set anew (fresh, due, held and gate say when)
-- Answers with 1. Needs the bell if something is due now.

local LONGEST_MS, SAMPLE = 60000, 100

local cursor = redis.call('GET', key.cursor) or '0-0'
local oldest = math.min(now_ms - retention_ms, tonumber(string.match(cursor, '^%d+')))
redis.call('XTRIM', key.journal, 'MINID', '~', whole(oldest))

local latest = whole(now_ms + LONGEST_MS)
for _, name in ipairs({key.leases, key.reply_turns}) do
  for _, one in ipairs(redis.call('ZRANGEBYSCORE', name, '(' .. latest, '+inf', 'LIMIT', 0, MOVES)) do
    redis.call('ZADD', name, latest, one)
  end
end

for _, webhook in ipairs(redis.call('ZRANDMEMBER', key.turns, SAMPLE)) do
  redis.call('ZREM', key.turns, webhook)
  gate_of(webhook)
  touched[webhook] = true
end
finish()
ring_if_soon()
return 1
