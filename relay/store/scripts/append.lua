-- append: an envelope is written once, whoever brings it and however often.
--
-- ARGV: retention ms; MessagePack: a list of event ids, of each the place of its head in the third list, and that: lists of
--       kind, channel, connection, head (JSON); and of each event the body
-- event:<id>   string  made, unless it is there: then this is a duplicate; kept until fan-out has seen it, and for the
--                      retention after that. A duplicate by a connection that is not known for it is an echo: its head
--                      names that connection too
-- journal      stream  one entry more for what is new, and one for an echo; entries older than the retention go, but
--                      never one behind the cursor of fan-out
-- Answers with a list: 1 for a new event, 0 for a duplicate.

local cursor = redis.call('GET', key.cursor) or '0-0'
local oldest = whole(math.min(now_ms - retention_ms, tonumber(string.match(cursor, '^%d+'))))
local COUNTERS = 28


local function enter_journal(id, kind, channel, connection)
  local position
  if entered.first then
    position = redis.call('XADD', key.journal, '*', 'e', id, 'k', kind, 'c', channel, 'n', connection)
  else
    position = redis.call('XADD', key.journal, 'MINID', '~', oldest, '*', 'e', id, 'k', kind, 'c', channel, 'n', connection)
    entered.first = position
  end
  entered[#entered + 1], entered.last = id, position
end

-- how a head begins whose event came by this connection first: so do those of most duplicates
local beginnings = {}
local function beginning(connection)
  beginnings[connection] = beginnings[connection] or '{"n":"' .. connection .. '"'
  return beginnings[connection]
end

local function echo(id, kind, channel, connection)
  local value = redis.call('GET', key.event(id))
  local ends = string.find(value, '\n', 1, true) or 0
  local head = string.sub(value, COUNTERS + 1, ends - 1)
  local readable, known = pcall(cjson.decode, head)
  if not readable or not known.n or known.n == connection then return end
  for _, also in ipairs(known.also or {}) do
    if also == connection then return end
  end
  local word = cjson.encode(connection)
  local more = known.also and string.sub(head, 1, -3) .. ',' .. word .. ']}'
    or string.sub(head, 1, -2) .. ',"also":[' .. word .. ']}'
  redis.call('SET', key.event(id), string.sub(value, 1, COUNTERS) .. more .. string.sub(value, ends))
  enter_journal('+' .. id, kind, channel, connection)
end

local answer = {}
local ids, places, heads, bodies = unpack(cmsgpack.unpack(ARGV[2]))
for at, id in ipairs(ids) do
  local kind, channel, connection, head = unpack(heads[places[at]])
  local name = key.event(id)
  if redis.call('SET', name, UNSEEN .. head .. '\n' .. bodies[at], 'NX') then
    enter_journal(id, kind, channel, connection)
    entered.new = entered.new + 1
    answer[#answer + 1] = 1
  else
    local start = beginning(connection)
    if redis.call('GETRANGE', name, COUNTERS, COUNTERS + #start - 1) ~= start and connection ~= '' then
      echo(id, kind, channel, connection)
    end
    answer[#answer + 1] = 0
  end
end
return answer
