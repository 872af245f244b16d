-- count: what one process has counted since it last told is added to the sums, once, however often it is told.
--
-- KEYS[1]: prefix of the global tag. ARGV: process, number of this telling, record (JSON; '' when the process ends),
--   how many sums, how many charted, how many charted by webhook, then that many pairs of field and by how much
-- process:<id>  hash   n number of the last telling that was added, r the record; gone an hour after the last telling
-- processes     zset   processes by the millisecond of their last telling; an hour later they are gone
-- counts        hash   the sums
-- minute:<m>, minute_webhooks:<m>  hash  the charted ones of that minute; kept for the hour that is shown, and some
-- Answers with 1 if it was added, 0 if it had been.

local HOUR_S, CHART_S = 3600, 4200
local process, number, record = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now_s = tonumber(time[1])
local now_ms = string.format('%.0f', now_s * 1000 + math.floor(tonumber(time[2]) / 1000))

local place = 7
local function add(name, pairs_of, ttl_s)
  for _ = 1, tonumber(pairs_of) do
    redis.call('HINCRBY', name, ARGV[place], ARGV[place + 1])
    place = place + 2
  end
  if ttl_s and tonumber(pairs_of) > 0 then redis.call('EXPIRE', name, ttl_s) end
end

local is_new = redis.call('HGET', key.process(process), 'n') ~= number
if is_new then
  local minute = string.format('%.0f', math.floor(now_s / 60))
  add(key.counts, ARGV[4])
  add(key.minute(minute), ARGV[5], CHART_S)
  add(key.minute_webhooks(minute), ARGV[6], CHART_S)
end

if record == '' then
  redis.call('ZREM', key.processes, process)
else
  redis.call('ZADD', key.processes, now_ms, process)
  redis.call('ZREMRANGEBYSCORE', key.processes, '-inf', string.format('%.0f', (now_s - HOUR_S) * 1000))
end
redis.call('HSET', key.process(process), 'n', number, 'r', record)
redis.call('EXPIRE', key.process(process), HOUR_S)
return is_new and 1 or 0
