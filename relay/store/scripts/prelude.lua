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

-- An ordered webhook's lane: its head alone may be fresh, due or in flight. Who was cancelled behind others stays in
-- the row (to find it there would take long) and is passed over when it comes up.
local PASSES = 100
local function enter(webhook, lane, sequence)
  if not lane or redis.call('RPUSH', key.lane(webhook .. ':' .. lane), sequence) == 1 then
    redis.call('RPUSH', key.fresh(webhook), sequence)
  end
end
local function leave(webhook, lane, sequence)
  local row = lane and key.lane(webhook .. ':' .. lane)
  if not row or redis.call('LINDEX', row, 0) ~= sequence then return end
  redis.call('LPOP', row)
  for passed = 1, math.huge do
    local following = redis.call('LINDEX', row, 0)
    if not following then return end
    local state = redis.call('HGET', key.delivery(following), 's')
    if state == 'pending' or (state and passed > PASSES) then
      redis.call('RPUSH', key.fresh(webhook), following)
      return
    end
    redis.call('LPOP', row)
  end
end

-- An event is kept while a delivery of it is open (outstanding or held), and for the retention after that. Its first 28
-- digits: first number of its deliveries (16), how many have the numbers from there on (6), how many are open (6).
local opened = {} -- by how many more than before
local function open_event(id, by) opened[id] = (opened[id] or 0) + by end
local function keep_events()
  local over = {}
  for id, by in pairs(opened) do
    local name = key.event(id)
    local before = tonumber(redis.call('GETRANGE', name, '22', '27'))
    local open_now = before and math.max(0, before + by)
    if open_now ~= before then redis.call('SETRANGE', name, '22', string.format('%06d', open_now)) end
    if open_now == 0 then
      redis.call('PEXPIRE', name, retention)
      over[#over + 1] = key.extra(id)
    elseif before == 0 then
      redis.call('PERSIST', name)
      redis.call('PERSIST', key.extra(id))
    end
  end
  if #over == 0 or redis.call('EXISTS', unpack(over)) == 0 then return end
  for _, name in ipairs(over) do redis.call('PEXPIRE', name, retention) end
end

-- the event names `count` deliveries more, numbered from `first` on, and they are open
local function name_deliveries(id, first, count)
  local digits = redis.call('GETRANGE', key.event(id), '0', '15')
  if digits == '' then return end
  if tonumber(digits) == 0 then
    redis.call('SETRANGE', key.event(id), '0', string.format('%016.0f%06d', first, count))
  else
    redis.call('RPUSH', key.extra(id), whole(first) .. ' ' .. whole(count))
  end
  open_event(id, count)
end

-- the same for an event that nobody has seen since it was kept: nothing lets it end yet
local UNSEEN = string.rep('0', 28)
local function name_first_deliveries(id, first, count)
  local name = key.event(id)
  if redis.call('GETRANGE', name, '0', '27') ~= UNSEEN then return name_deliveries(id, first, count) end
  redis.call('SETRANGE', name, '0', string.format('%016.0f%06d%06d', first, count, count))
end

-- the delivery of an event to a webhook, whichever of the event's numbers it has; nil: there is none
local function delivery_of(event, webhook)
  local function among(first, count)
    if count == 0 then return end
    local range = {whole(first) .. '-0', whole(first + count - 1) .. '-0'}
    local found = redis.call('XRANGE', key.deliveries(webhook), range[1], range[2], 'COUNT', 1)[1]
    return found and string.match(found[1], '^%d+')
  end
  local first, count = string.match(redis.call('GETRANGE', key.event(event), 0, 21), '^(' .. string.rep('%d', 16) .. ')(%d+)$')
  local found = first and among(tonumber(first), tonumber(count))
  if found then return found end
  for _, range in ipairs(redis.call('LRANGE', key.extra(event), 0, -1)) do
    first, count = string.match(range, '^(%d+) (%d+)$')
    found = among(tonumber(first), tonumber(count))
    if found then return found end
  end
end

-- one step of one delivery, as the table allows it; false where it does not; the rest is more that its record holds then
local function move(sequence, record, step, ...)
  local to = after[record.s] and after[record.s][step]
  if not to then return false end
  redis.call('HSET', key.delivery(sequence), 's', to, ...)
  local from, into = column[record.s], column[to]
  if from ~= into then
    book(record.w, from, -1)
    book(record.w, into, 1)
    if record.o and from == 'outstanding' then leave(record.w, record.o, sequence) end
    if open[record.s] ~= open[to] then open_event(record.e, open[to] and 1 or -1) end
  end
  touched[record.w] = true
  record.s = to
  return true
end

local function read(sequence)
  local fields = redis.call('HGETALL', key.delivery(sequence))
  local record = {}
  for i = 1, #fields, 2 do record[fields[i]] = fields[i + 1] end
  return record.w and record
end

-- A list may still hold who has left it in other ways (cancelled, or sent again since): only its state counts. If that
-- one has come up as its lane's head, the next takes its place.
local function read_if(state, sequence)
  local record = read(sequence)
  if not record or record.s == state then return record end
  if column[record.s] ~= 'outstanding' then leave(record.w, record.o, sequence) end
  return nil
end

-- a step to where nothing follows; such records live for the retention, from now, and so must their attempts
local function rest(sequence, record, step, reason, ...)
  move(sequence, record, step, 't', now, 'r', reason, ...)
  if record.d then redis.call('HDEL', key.delivery(sequence), 'd') end
  redis.call('PEXPIRE', key.delivery(sequence), retention)
end

-- deliveries are born here and nowhere else; `lane` is '' unless the webhook wants order
local function birth(sequence, webhook, event, lane)
  local gate = gate_of(webhook)
  local name = key.delivery(sequence)
  lane = lane ~= '' and lane or nil
  local held = gate.status ~= 'enabled'
  if lane and gate.drain == 1 then
    held = true -- behind those of its lane that are drained now
  elseif lane and (held or gate.drain > 1) then
    held = redis.call('EXISTS', key.lane(webhook .. ':' .. lane)) == 0 -- behind those that are still to be held
  end
  redis.call('HSET', name, 'w', webhook, 'e', event, 's', held and 'held' or 'pending')
  if lane then redis.call('HSET', name, 'o', lane) end
  local fresh = born[webhook]
  if fresh then
    redis.call('XADD', key.deliveries(webhook), sequence .. '-0', '', '')
  else
    fresh = {}
    born[webhook], touched[webhook] = fresh, true
    local oldest = whole(now_us - 1000 * (retention_ms + LONGEST_LIFE_MS))
    redis.call('XADD', key.deliveries(webhook), 'MINID', '~', oldest, sequence .. '-0', '', '')
  end
  if held then
    redis.call('RPUSH', key.held(webhook), sequence)
  elseif lane then
    enter(webhook, lane, sequence)
  else
    fresh[#fresh + 1] = sequence
  end
  book(webhook, 'matched', 1)
  book(webhook, held and 'held' or 'outstanding', 1)
end

-- Numbers that no delivery ever had. `known` is the newest that the caller has seen: after a failover Redis may know of
-- less, and its clock may be behind.
local function numbers(how_many, known)
  local first = math.max(tonumber(redis.call('GET', key.sequence) or '0') + 1, tonumber(known) + 1, now_us)
  redis.call('SET', key.sequence, whole(first + how_many - 1))
  return first
end

-- once for each script: where one follows another in the same call, it begins anew
local function finish()
  for webhook, gate in pairs(gates) do
    if gate then
      for name, before in pairs(gate.was) do
        if gate[name] ~= before then
          local value = TEXT[name] and gate[name] or string.format(name == 'tat' and '%.3f' or '%.0f', gate[name] + 0)
          redis.call('HSET', key.gate(webhook), name, value)
          gate.was[name] = gate[name]
        end
      end
    end
  end
  for webhook in pairs(ledger) do sum_up(webhook) end
  ledger['*'] = sums
  for of, row in pairs(ledger) do
    for name, by in pairs(row) do
      if by ~= 0 then redis.call('HINCRBY', key.ledger(of), name, whole(by)) end
    end
  end
  keep_events()
  for webhook, fresh in pairs(born) do
    redis.call('PEXPIRE', key.deliveries(webhook), whole(retention_ms + LONGEST_LIFE_MS))
    if #fresh > 0 then redis.call('RPUSH', key.fresh(webhook), unpack(fresh)) end
  end
  for webhook in pairs(touched) do schedule(webhook, gate_of(webhook)) end
  ledger, sums, opened, born, touched = {}, {}, {}, {}, {}
end

-- wakes a worker that sleeps, if there is something to do before it would wake by itself
local function ring_if_soon()
  if soonest <= now_us + SOON_US then ring() end
end
