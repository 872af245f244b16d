-- fan_out: a stretch of the journal becomes deliveries, all of them and once.
--
-- ARGV: retention ms, cursor as it was read, cursor as it shall be ('' behind append, if the events are what that was
--       given, and all that the journal has behind the cursor), version of the webhooks that were matched, number of events that begin here, newest number that the caller
--       has seen, 1 to pass over webhooks that are not known here, 1 if a claim follows at once, so that nobody need be
--       woken; MessagePack: a list of event ids ([] behind append), of each the place of its matches in the third list, and that: lists of
--       webhook, lane ('' without order). `+<id>` is an echo: the event was here before, and goes to those that have no
--       delivery of it
-- journal      stream  behind append: read, to see that there is nothing else
-- cursor       string  compared, then set: of two workers with the same stretch one gets 'behind'. It is a journal id,
--                      or that and `|<webhook>`: of the next event, the matches up to that webhook are done
-- version      string  compared: who matched with older webhooks gets 'stale', as for a match that is not known here
-- sequence     string  a number for each delivery, those of one event side by side
-- event:<id>   string  names them and counts what is open; with none open the retention begins; extra: further numbers
-- delivery:<n>, deliveries:<webhook>, fresh:<webhook> or held:<webhook>, lane:<webhook>:<lane>, due, gate, turns, ledger,
-- bell
-- Answers with 'done', 'behind', 'stale' or 'crowded' (there is something else), the newest number, and the cursor.

local cursor, following, version, begun, known, insist, claimed_next = unpack(ARGV, 2, 8)
if (redis.call('GET', key.cursor) or '0-0') ~= cursor then return {'behind', 0, ''} end
if tonumber(redis.call('GET', key.version) or '0') > tonumber(version) then return {'stale', 0, ''} end

local ECHO = string.byte('+')
local events, places, lists = unpack(cmsgpack.unpack(ARGV[9]))
for at, matches in ipairs(lists) do
  local known_here = {}
  for _, match in ipairs(matches) do
    if gate_of(match[1]) then known_here[#known_here + 1] = match
    elseif insist ~= '1' then return {'stale', 0, ''} end
  end
  lists[at] = known_here
end
local named, born_here = name_deliveries, 0
for _, place in ipairs(places) do born_here = born_here + #lists[place] end

if following == '' then
  local behind = redis.call('XRANGE', key.journal, '(' .. cursor, '+', 'COUNT', '1')[1]
  local all_new = entered.new == #places and #entered == #places
  if not behind or behind[1] ~= entered.first or not all_new then return {'crowded', 0, ''} end
  events, following, named = entered, entered.last, name_first_deliveries
end

local sequence = born_here > 0 and numbers(born_here, known) or 0

local function fan_out_echo(id, matches)
  for _, match in ipairs(matches) do
    local webhook, lane = match[1], match[2]
    if not delivery_of(id, webhook) then
      name_deliveries(id, sequence, 1)
      birth(whole(sequence), webhook, id, lane)
      book(webhook, 'added', 1)
      sequence = sequence + 1
    end
  end
  open_event(id, 0)
end

for at, id in ipairs(events) do
  local matches = lists[places[at]]
  if string.byte(id) == ECHO then
    fan_out_echo(string.sub(id, 2), matches)
  elseif #matches > 0 then
    named(id, sequence, #matches)
    for _, match in ipairs(matches) do
      birth(whole(sequence), match[1], id, match[2])
      sequence = sequence + 1
    end
  else
    open_event(id, 0)
  end
end

redis.call('SET', key.cursor, following)
redis.call('HINCRBY', key.ledger('*'), 'events', begun)
finish()
if claimed_next ~= '1' or upcoming <= now_us + SOON_US then ring_if_soon() end
return {'done', whole(math.max(0, sequence - 1)), following}
