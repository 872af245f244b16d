-- What every script of a shard shares. Ahead of it stand, made from Python's own tables, `key` (store/keys.py) and
-- `after`, `column`, `open` (core/delivery.py: the state that a step leads to; the ledger's column of a state; outstanding or held).
-- KEYS[1] is the shard's prefix, ARGV[1] the retention in ms. Time is Redis' own, so workers' clocks don't matter.
--
-- A script reads gates through `gate_of` and moves deliveries through `move`; what that changes in gates, ledger and
-- turns is collected and written once, by `finish`, however many deliveries the call was about.

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
local retention_ms = tonumber(ARGV[1])

local BREAKER_FAILS = 5      -- failures in a row after which one delivery at a time is let through
local BREAKER_CAP_MS = 60000 -- the longest wait between two of those
local LONGEST_LIFE_MS = 100 * 3600 * 1000 -- the default schedule's 76 hours and some; older rows leave a webhook's list
local HOLD_BATCH = 200       -- deliveries of a disabled webhook that one visit moves

local function whole(number) return string.format('%.0f', number + 0) end -- +0: there is a -0

-- the ledger: deliveries now in each column, for a webhook and for all (`*`)
local ledger = {}
local function book(webhook, name, by)
  for _, of in ipairs({webhook, '*'}) do
    local row = ledger[of] or {}
    row[name] = (row[name] or 0) + by
    ledger[of] = row
  end
end

-- gates, read once and written once
local GATE = {'status', 'max', 'rate', 'timeout', 'flying', 'tat', 'pause', 'fails', 'since', 'failed', 'warned', 'drain'}
local TEXT = {status = true}
local gates, touched = {}, {}
local function gate_of(webhook)
  local gate = gates[webhook]
  if gate == nil then
    local values = redis.call('HMGET', key.gate(webhook), unpack(GATE))
    gate = false
    if values[1] then
      gate = {}
      for i, name in ipairs(GATE) do gate[name] = TEXT[name] and values[i] or tonumber(values[i] or 0) end
      gate.was = {}
      for _, name in ipairs(GATE) do gate.was[name] = gate[name] end
    end
    gates[webhook] = gate
  end
  return gate
end

local function cap_of(gate)
  if gate.fails >= BREAKER_FAILS then return 1 end
  return gate.max
end

-- GCRA with a burst of one second: when may the next one go?
local function interval_of(gate) return 1000 / gate.rate end
local function arrival_of(gate)
  return math.max(gate.tat, now_ms - math.max(1000, interval_of(gate)))
end

-- when the webhook is to be visited next, in microseconds; nil: nothing to do, or a delivery in flight will say
local function turn_of(webhook, gate)
  local fresh = redis.call('LLEN', key.fresh(webhook))
  if gate.status ~= 'enabled' then
    if fresh > 0 or redis.call('ZCARD', key.due(webhook)) > 0 then return now_us end
    local oldest = redis.call('LINDEX', key.held(webhook), 0)
    if gate.status == 'deleted' then return (oldest or gate.flying == 0) and now_us or nil end
    return oldest and tonumber(oldest) + retention_ms * 1000
  end
  if gate.drain == 1 then return now_us end
  if gate.flying >= cap_of(gate) then return nil end
  local at = now_us
  if fresh == 0 then
    local first = redis.call('ZRANGE', key.due(webhook), 0, 0, 'WITHSCORES')
    if not first[2] then return nil end
    at = math.max(at, tonumber(first[2]) * 1000)
  end
  if gate.rate > 0 then at = math.max(at, (arrival_of(gate) + interval_of(gate)) * 1000) end
  return math.max(at, gate.pause * 1000)
end

local SOON_US = 5000000 -- the longest that a worker sleeps by itself
local soonest = math.huge

-- a turn is never put off here: a visit that comes too early does nothing and sets it anew
local function schedule(webhook, gate)
  local at = gate and turn_of(webhook, gate)
  if not at then
    redis.call('ZREM', key.turns, webhook)
    return
  end
  soonest = math.min(soonest, at)
  local stands = redis.call('ZSCORE', key.turns, webhook)
  if not stands or tonumber(stands) > at then redis.call('ZADD', key.turns, whole(at), webhook) end
end

local function ring()
  if redis.call('LLEN', key.bell) == 0 then redis.call('RPUSH', key.bell, '1') end
end

-- the ordered webhook's lane: only its head may be fresh, due or in flight
local function enter(webhook, lane, sequence)
  if lane == '' or redis.call('RPUSH', key.lane(webhook .. ':' .. lane), sequence) == 1 then
    redis.call('RPUSH', key.fresh(webhook), sequence)
  end
end
local function leave(webhook, lane, sequence)
  if not lane or lane == '' then return end
  local row = key.lane(webhook .. ':' .. lane)
  if redis.call('LINDEX', row, 0) == sequence then
    redis.call('LPOP', row)
    local following = redis.call('LINDEX', row, 0)
    if following then redis.call('RPUSH', key.fresh(webhook), following) end
  else
    redis.call('LREM', row, 1, sequence)
  end
end

-- An event is kept while a delivery of it is open (outstanding or held), and for the retention after that: digits 23 to 28 count them.
local function hold_event(id, by)
  local name = key.event(id)
  local open = tonumber(redis.call('GETRANGE', name, 22, 27))
  if not open then return end
  redis.call('SETRANGE', name, 22, string.format('%06d', math.max(0, open + by)))
  if open + by <= 0 then redis.call('PEXPIRE', name, retention_ms)
  elseif open == 0 then redis.call('PERSIST', name) end
end

-- one step of one delivery, as the table allows it; false where it does not
local function move(sequence, record, step)
  local to = after[record.s] and after[record.s][step]
  if not to then return false end
  book(record.w, column[record.s], -1)
  book(record.w, column[to], 1)
  if column[record.s] == 'outstanding' and column[to] ~= 'outstanding' then leave(record.w, record.o, sequence) end
  if open[record.s] ~= open[to] then hold_event(record.e, open[to] and 1 or -1) end
  touched[record.w] = true
  record.s = to
  redis.call('HSET', key.delivery(sequence), 's', to)
  return true
end

local FIELDS = {'w', 's', 'o', 'e', 'l', 'n', 'x', 'r'}
local function read(sequence)
  local values = redis.call('HMGET', key.delivery(sequence), unpack(FIELDS))
  if not values[1] then return nil end
  local record = {}
  for i, name in ipairs(FIELDS) do record[name] = values[i] or nil end
  return record
end

-- settled records live for the retention, from now
local function rest(sequence, reason)
  local name = key.delivery(sequence)
  redis.call('HSET', name, 't', whole(now_ms), 'r', reason or '')
  redis.call('HDEL', name, 'l', 'd')
  redis.call('PEXPIRE', name, retention_ms)
  redis.call('PEXPIRE', key.attempts(sequence), retention_ms)
end

local function bury(sequence, record, reason)
  redis.call('ZADD', key.dead(record.w), whole(now_ms), sequence)
  redis.call('ZREMRANGEBYSCORE', key.dead(record.w), '-inf', whole(now_ms - retention_ms))
  redis.call('PEXPIRE', key.dead(record.w), retention_ms)
  rest(sequence, reason)
end

-- deliveries are born here and nowhere else; `lane` is '' unless the webhook wants order
local function birth(sequence, webhook, event, lane)
  local gate = gate_of(webhook)
  local held = gate.status ~= 'enabled' or (gate.drain == 1 and lane ~= '')
  local name = key.delivery(sequence)
  redis.call('HSET', name, 'w', webhook, 'e', event, 's', held and 'held' or 'pending')
  if lane ~= '' then redis.call('HSET', name, 'o', lane) end
  redis.call('XADD', key.deliveries(webhook), 'MINID', '~', whole(now_us - 1000 * (retention_ms + LONGEST_LIFE_MS)), sequence .. '-0', '', '')
  if held then redis.call('RPUSH', key.held(webhook), sequence) else enter(webhook, lane, sequence) end
  book(webhook, 'matched', 1)
  book(webhook, held and 'held' or 'outstanding', 1)
  touched[webhook] = true
end

local function numbers(how_many)
  local first = math.max(tonumber(redis.call('GET', key.sequence) or '0') + 1, now_us)
  redis.call('SET', key.sequence, whole(first + how_many - 1))
  return first
end

local function finish()
  for webhook, gate in pairs(gates) do
    if gate then
      for name, before in pairs(gate.was) do
        if gate[name] ~= before then
          redis.call('HSET', key.gate(webhook), name, TEXT[name] and gate[name] or whole(gate[name]))
        end
      end
    end
  end
  for of, row in pairs(ledger) do
    for name, by in pairs(row) do
      if by ~= 0 then redis.call('HINCRBY', key.ledger(of), name, whole(by)) end
    end
  end
  for webhook in pairs(touched) do schedule(webhook, gate_of(webhook)) end
end

-- wakes a worker that sleeps, if there is something to do before it would wake by itself
local function ring_if_soon()
  if soonest <= now_us + SOON_US then ring() end
end
