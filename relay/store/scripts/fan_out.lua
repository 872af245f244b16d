-- fan_out: a stretch of the journal becomes deliveries, all of them and once.
--
-- ARGV: retention ms, cursor as it was read, cursor as it shall be, version of the webhooks that were matched, number of
--       events, then for each event with matches: event id, how many, and for each of them: webhook, lane ('' without order)
-- cursor       string  compared, then set: of two workers with the same stretch one gets 'behind'
-- version      string  compared: who matched with older webhooks gets 'stale'
-- sequence     string  a number for each delivery, those of one event side by side
-- event:<id>   string  its first 28 digits name those numbers and count what is open; kept until that is nothing
-- delivery:<n>, deliveries:<webhook>, fresh:<webhook> or held:<webhook>, lane:<webhook>:<lane>, gate, turns, ledger, bell
-- Answers with 'done', 'behind' or 'stale'.

if (redis.call('GET', key.cursor) or '0-0') ~= ARGV[2] then return 'behind' end
if (redis.call('GET', key.version) or '0') ~= ARGV[4] then return 'stale' end

local i, born = 6, 0
while i <= #ARGV do
  born = born + tonumber(ARGV[i + 1])
  i = i + 2 + 2 * tonumber(ARGV[i + 1])
end

local sequence = born > 0 and numbers(born) or 0
i = 6
while i <= #ARGV do
  local event, matches = ARGV[i], tonumber(ARGV[i + 1])
  if redis.call('EXISTS', key.event(event)) == 1 then
    redis.call('SETRANGE', key.event(event), 0, string.format('%016.0f%06d%06d', sequence, matches, matches))
    redis.call('PERSIST', key.event(event))
  end
  for match = 0, matches - 1 do
    local webhook, lane = ARGV[i + 2 + 2 * match], ARGV[i + 3 + 2 * match]
    if gate_of(webhook) then birth(whole(sequence), webhook, event, lane) end
    sequence = sequence + 1
  end
  i = i + 2 + 2 * matches
end

redis.call('SET', key.cursor, ARGV[3])
redis.call('HINCRBY', key.ledger('*'), 'events', ARGV[5])
finish()
ring_if_soon()
return 'done'
