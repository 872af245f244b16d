-- beat: a worker says that it lives, and whether it wants its share, and learns who else is there.
--
-- KEYS[1]: prefix of the global tag. ARGV: worker, ms that a beat is good for, 'here', 'leaving' (alive, and handing over) or 'gone'
-- workers  zset    worker → ms of its last beat; kept for a day, since that is when a dead one was last known to hear Slack
-- leaving  set     workers that are handing over: alive, but nobody's share is theirs
-- notices  stream  one entry more when somebody comes or goes, so that the others need not wait for their next beat
-- Answers with the workers that are there and share.

local me, says = ARGV[1], ARGV[3]
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now_ms - tonumber(ARGV[2])

local function whole(number) return string.format('%.0f', number) end

local function shares(worker)
  local last = redis.call('ZSCORE', key.workers, worker)
  return last and tonumber(last) >= oldest and redis.call('SISMEMBER', key.leaving, worker) == 0
end

local did = shares(me)
if says == 'leaving' then
  redis.call('SADD', key.leaving, me)
  redis.call('EXPIRE', key.leaving, 86400)
else
  redis.call('SREM', key.leaving, me)
end
if says == 'gone' then redis.call('ZREM', key.workers, me) else redis.call('ZADD', key.workers, whole(now_ms), me) end
if did ~= shares(me) then
  redis.call('XADD', key.notices, 'MAXLEN', '~', 10000, '*', 'k', 'crew', 'o', me)
end
redis.call('ZREMRANGEBYSCORE', key.workers, '-inf', '(' .. whole(now_ms - 86400000))
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', key.workers, '(' .. whole(now_ms), '+inf')) do
  redis.call('ZADD', key.workers, whole(now_ms), worker) -- the clock was set back: as if it had beaten just now
end

local answer = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', key.workers, whole(oldest), '+inf')) do
  if shares(worker) then answer[#answer + 1] = worker end
end
return answer
