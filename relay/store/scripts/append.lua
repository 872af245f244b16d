-- append: an envelope is written once, whoever brings it and however often.
--
-- ARGV: retention ms, then for each envelope: event id, kind, channel, connection, head (JSON), body
-- event:<id>   string  made, unless it is there: then this is a duplicate and nothing is written; kept until fan-out has
--                      seen it, and for the retention after that
-- journal      stream  one entry more; entries older than the retention go, but never one behind the cursor of fan-out
-- Answers with a list: 1 for a new event, 0 for a duplicate.

local cursor = redis.call('GET', key.cursor) or '0-0'
local oldest = math.min(now_ms - retention_ms, tonumber(string.match(cursor, '^%d+')))
local answer = {}
for i = 2, #ARGV, 6 do
  local id, kind, channel, connection, head, body = unpack(ARGV, i, i + 5)
  local value = string.rep('0', 28) .. head .. '\n' .. body
  if redis.call('SET', key.event(id), value, 'NX') then
    redis.call('XADD', key.journal, 'MINID', '~', whole(oldest), '*', 'e', id, 'k', kind, 'c', channel, 'n', connection)
    answer[#answer + 1] = 1
  else
    answer[#answer + 1] = 0
  end
end
return answer
