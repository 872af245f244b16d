-- stand: a worker says how its socket of a connection is doing. Whether the connection is deaf is decided here, from all of its sockets.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, worker, ms that a beat is good for, view (JSON; '' the worker lets go),
--   'hears' or 'deaf', Unix seconds since when, 1 if a socket was replaced, 1 if the connection is paused
-- connections    hash  id → its record; nothing is written for one that is gone
-- workers        zset  worker → ms of its last beat
-- standing:<id>  hash  v:<worker> its view, h:<worker> if it hears Slack, rest the view of a paused one,
--                      deaf (Unix seconds since when nobody hears Slack), offline (seconds, summed), reconnects
-- Answers with a word, since when, seconds: 'deaf' nobody hears Slack any more; 'back' it is heard again after so many seconds;
--   'late' the same, and nobody lived to say that it was deaf; '' neither.

local id, me, view, hears, at = ARGV[1], ARGV[2], ARGV[4], ARGV[5] == 'hears', tonumber(ARGV[6])
if redis.call('HEXISTS', key.connections, id) == 0 then return {'', '0', '0'} end
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[3])
local name = key.standing(id)

local function seconds(number) return string.format('%.6f', number) end

-- workers that died: they heard Slack until their last beat, as far as anybody knows
local stands = {}
local all = redis.call('HGETALL', name)
for i = 1, #all, 2 do stands[all[i]] = all[i + 1] end
local others_hear, last_heard = false, nil
for field in pairs(stands) do
  local kind, worker = string.match(field, '^([vh]):(.+)$')
  if worker and worker ~= me then
    local beat = tonumber(redis.call('ZSCORE', key.workers, worker) or '0')
    if beat >= oldest then
      others_hear = others_hear or kind == 'h'
    else
      if kind == 'h' then last_heard = math.max(last_heard or 0, beat / 1000) end
      redis.call('HDEL', name, field)
    end
  end
end
local i_heard, deaf = stands['h:' .. me], tonumber(stands.deaf or '')
local word, since, gap = '', 0, 0
local untold = last_heard and not others_hear and not i_heard and not deaf
if untold then deaf = math.max(last_heard, at - 86400) end

if ARGV[8] == '1' then
  redis.call('HDEL', name, 'v:' .. me, 'h:' .. me, 'deaf')
  redis.call('HSET', name, 'rest', view)
  return {'', '0', '0'}
end
redis.call('HDEL', name, 'rest')
if view == '' then redis.call('HDEL', name, 'v:' .. me) else redis.call('HSET', name, 'v:' .. me, view) end
if ARGV[7] == '1' then redis.call('HINCRBY', name, 'reconnects', 1) end

if hears then
  redis.call('HSET', name, 'h:' .. me, '1')
  redis.call('HDEL', name, 'deaf')
  if deaf and not others_hear then
    word, since, gap = untold and 'late' or 'back', deaf, math.max(0, at - deaf)
    redis.call('HINCRBYFLOAT', name, 'offline', seconds(gap))
  end
else
  redis.call('HDEL', name, 'h:' .. me)
  if i_heard and not others_hear then word, since, deaf = 'deaf', at, at end
  if deaf then redis.call('HSET', name, 'deaf', seconds(deaf)) end
end
return {word, seconds(since), seconds(gap)}
