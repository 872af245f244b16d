-- What every script of a shard shares. Ahead of it stand, made from Python's own tables, `key` (store/keys.py) and
-- `after`, `column`, `open` (core/delivery.py: the state that a step leads to; the ledger's column of a state;
-- whether its event must be kept), SOON_US (the longest that a worker sleeps by itself) and DIGITS (of ids). KEYS[1] is
-- the shard's prefix, ARGV[1] the retention in ms, `rows` one MessagePack list of lists. Time is Redis' own, so workers'
-- clocks don't matter.
--
-- A script reads gates through `gate_of` and moves deliveries through `move`; what that changes in gates, ledger, events
-- and turns is collected and written once, by `finish`, however many deliveries the call was about. Every loop is bounded:
-- while a script runs, everybody waits. What is told Redis for each delivery is text: of a number it makes one in twice
-- the time that the command takes.

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
local retention, retention_ms = ARGV[1], tonumber(ARGV[1]) -- as text, and to reckon with

local BREAKER_FAILS = 5      -- failures in a row after which one delivery at a time is let through
local BREAKER_CAP_MS = 60000 -- the longest wait between two of those
local LONGEST_PAUSE_MS = 3600000 -- what an endpoint may ask for (core/retry.py); more is a clock that jumped
local LONGEST_LIFE_MS = 100 * 3600 * 1000 -- the default schedule's 76 hours and some; older rows leave a webhook's list
local MOVES = 200            -- deliveries that one visit to a webhook moves at most, beside those that it lends

-- a whole number as text; where Lua's integers are too short for our numbers, in three times the time
local WHOLE = string.format('%d', 2 ^ 52) == '4503599627370496' and '%d' or '%.0f'
local function whole(number) return string.format(WHOLE, number + 0) end -- +0: there is a -0
local now = whole(now_ms)

-- what this call has put into the journal: its entries' events in order, how many of those are new, the first and the last
-- of its positions
local entered = {new = 0}

-- the ledger: deliveries in each column, for a webhook and, by `sum_up`, for all (`*`)
local ledger, sums = {}, {}
local function book(webhook, name, by)
  local row = ledger[webhook]
  if not row then
    row = {}
    ledger[webhook] = row
  end
  row[name] = (row[name] or 0) + by
end
local function sum_up(webhook)
  for name, by in pairs(ledger[webhook] or {}) do sums[name] = (sums[name] or 0) + by end
end

-- gates, read once and written once; false for a webhook that this shard has not been told of, or that is gone
local GATE = {'status', 'max', 'rate', 'timeout', 'flying', 'tat', 'pause', 'paused', 'fails', 'since', 'failed', 'warned', 'drain'}
local TEXT = {status = true}
local gates, touched = {}, {}
local born = {} -- webhook → those of its new deliveries that may go at once
local function gate_of(webhook)
  local gate = gates[webhook]
  if gate == nil then
    local values = redis.call('HMGET', key.gate(webhook), unpack(GATE))
    gate = false
    if values[1] and values[1] ~= 'gone' then
      gate = {was = {}}
      for i, name in ipairs(GATE) do
        gate[name] = TEXT[name] and values[i] or tonumber(values[i] or 0)
        gate.was[name] = gate[name]
      end
      if gate.paused > now_ms then -- the clock was set back: what began in the future begins now
        gate.pause, gate.paused = gate.pause - (gate.paused - now_ms), now_ms
      end
      gate.pause = math.min(gate.pause, now_ms + LONGEST_PAUSE_MS)
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
  local now = now_us / 1000
  return math.min(now, math.max(gate.tat, now - math.max(1000, interval_of(gate))))
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
  if gate.drain > 0 then return now_us end
  if gate.flying >= cap_of(gate) then return nil end
  local at = now_us
  if fresh == 0 then
    local first = redis.call('ZRANGE', key.due(webhook), 0, 0, 'WITHSCORES')
    if not first[2] then return nil end
    at = math.max(at, tonumber(first[2]) * 1000)
  end
  if gate.rate > 0 then at = math.max(at, math.ceil((arrival_of(gate) + interval_of(gate)) * 1000)) end
  return math.max(at, gate.pause * 1000)
end

local soonest, upcoming = math.huge, math.huge -- of the turns that this call has set; and of those in the future

-- a turn is never put off here: a visit that comes too early does nothing and sets it anew
local function schedule(webhook, gate, earliest_us)
  local at = gate and turn_of(webhook, gate)
  if not at then
    redis.call('ZREM', key.turns, webhook)
    return
  end
  at = math.max(at, earliest_us or 0)
  soonest = math.min(soonest, at)
  local stands = redis.call('ZSCORE', key.turns, webhook)
  if stands and tonumber(stands) <= at then return end
  redis.call('ZADD', key.turns, whole(at), webhook)
  if at > now_us then upcoming = math.min(upcoming, at) end
end

local function ring()
  if redis.call('LLEN', key.bell) == 0 then redis.call('RPUSH', key.bell, '1') end
end
