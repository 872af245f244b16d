-- beat: a worker says that it lives, or that it leaves, and learns who else is there.
--
-- KEYS[1]: prefix of the global tag. ARGV: worker ('' only looks), ms that a beat is good for, 'here' or 'leaves'
-- workers  zset    worker → ms of its last beat; kept for a day, since that is when a dead one was last known to hear Slack
-- notices  stream  one entry more when somebody comes or goes, so that the others need not wait for their next beat
-- Answers with the workers that are there.

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now_ms - tonumber(ARGV[2])

local function whole(number) return string.format('%.0f', number) end

if ARGV[1] ~= '' then
  local last = redis.call('ZSCORE', key.workers, ARGV[1])
  local was_here = last and tonumber(last) >= oldest
  if ARGV[3] == 'leaves' then
    redis.call('ZREM', key.workers, ARGV[1])
  else
    redis.call('ZADD', key.workers, whole(now_ms), ARGV[1])
  end
  if ARGV[3] == 'leaves' or not was_here then
    redis.call('XADD', key.notices, 'MAXLEN', '~', 10000, '*', 'k', 'crew', 'o', ARGV[1])
  end
  redis.call('ZREMRANGEBYSCORE', key.workers, '-inf', '(' .. whole(now_ms - 86400000))
end
return redis.call('ZRANGEBYSCORE', key.workers, whole(oldest), '+inf')
