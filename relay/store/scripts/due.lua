-- What waits for another try, for scripts of a shard: behind the prelude. The nearest are in `due`, the others in trays
-- behind it. None of them is left with TRAY or more, so that Redis keeps it as a listpack, in a fifth of a longer sorted
-- set's memory. Nothing is in a tray while `due` is empty.

local TRAY = 64 -- well below Redis' own zset-max-listpack-entries, 128; with fewer there all is the same, but for the memory

local function tray_of(webhook, number) return key.tray(webhook .. ':' .. number) end

-- the last of what has grown too long get a tray of their own
local function divide(webhook, place)
  local last = redis.call('ZRANGE', place, -TRAY / 2, -1, 'WITHSCORES')
  local number = whole(redis.call('HINCRBY', key.gate(webhook), 'trays', 1))
  redis.call('ZADD', key.later(webhook), last[2], number)
  for i = 1, #last, 2 do last[i], last[i + 1] = last[i + 1], last[i] end
  redis.call('ZADD', tray_of(webhook, number), unpack(last))
  redis.call('ZREMRANGEBYRANK', place, -TRAY / 2, -1)
end

-- the caller writes down what it answers with, as the delivery's `d`
local function put_off(webhook, sequence, until_ms)
  local at = whole(until_ms)
  local number = redis.call('ZREVRANGEBYSCORE', key.later(webhook), at, '-inf', 'LIMIT', 0, 1)[1]
  local place = number and tray_of(webhook, number) or key.due(webhook)
  redis.call('ZADD', place, at, sequence)
  if redis.call('ZCARD', place) >= TRAY then divide(webhook, place) end
  return at
end

-- the next tray comes up
local function advance(webhook)
  while redis.call('EXISTS', key.due(webhook)) == 0 do
    local number = redis.call('ZPOPMIN', key.later(webhook))[1]
    if not number then return end
    local tray = tray_of(webhook, number)
    if redis.call('EXISTS', tray) == 1 then redis.call('RENAME', tray, key.due(webhook)) end
  end
end

-- these, from `due`, wait no longer
local function take_up(webhook, sequences)
  redis.call('ZREM', key.due(webhook), unpack(sequences))
  advance(webhook)
end

-- wherever it is; of many that are due at one moment some may be in the trays before
local function call_off(webhook, sequence)
  local places = {key.due(webhook)}
  local at = redis.call('HGET', key.delivery(sequence), 'd') or '+inf'
  for _, number in ipairs(redis.call('ZREVRANGEBYSCORE', key.later(webhook), at, '-inf', 'LIMIT', 0, 8)) do
    places[#places + 1] = tray_of(webhook, number)
  end
  for _, place in ipairs(places) do
    if redis.call('ZREM', place, sequence) == 1 then break end
  end
  advance(webhook)
end

-- a delivery that is over, or waits for its next try, begins anew
local function resend(sequence, record)
  local before = record.s
  if before == 'retrying' then call_off(record.w, sequence) end
  move(sequence, record, 'replay')
  redis.call('HDEL', key.delivery(sequence), 'n', 'x', 'y', 'l', 'd', 't', 'r')
  redis.call('HSET', key.delivery(sequence), 'a', 1)
  redis.call('PERSIST', key.delivery(sequence))
  redis.call('PERSIST', key.attempts(sequence))
  if before == 'retrying' then -- it is its lane's head already
    redis.call('RPUSH', key.fresh(record.w), sequence)
  else
    enter(record.w, record.o, sequence)
  end
end
