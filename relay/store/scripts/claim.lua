-- claim: deliveries are lent to a worker, each under a lease and a fence; the webhooks take turns.
--
-- ARGV: retention ms, how many at most, grace ms (a lease is the webhook's timeout and this), 1 if the caller asks again as
--       soon as there may be more; if not, somebody who does is woken
-- leases       zset    those that ran out: their deliveries are due again at once, or dead after LOSSES of them in a row
-- turns        zset    webhooks whose turn it is, the one that waits longest first
-- gate:<webhook>       bound in flight, rate, pause, breaker; what a disabled or deleted webhook has left is moved on
-- fresh, due, later, tray, held, lane, delivery, attempts, deliveries, event, extra, ledger, fence, bell, version
-- Answers with, in MessagePack, as core/delivery.py and store/deliveries.py read it: version of the webhooks, ms until there may
--   be more to do (-1: only the bell knows), the newest number that is lent, and a list with for each claim: sequence, id,
--   webhook, event id, tries, losses, fence, lease in seconds, and if there is something to say of it why the try before
--   failed (Slack's word), and whether it was held or is sent again

local limit, grace_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local LOSSES, QUANTUM = 5, 16
local REST_US = 1000 -- until a visit that came to nothing is made again
local work = 600     -- deliveries looked at and webhooks visited in one call; the next call goes on
local newest, claims, leases = 0, {}, {}

-- A delivery's id, as core/ids.py writes it: of those that are lent together nearly all begin alike.
local function base32(number, width)
  local digits = ''
  for _ = 1, width do
    local digit = number % 32
    digits, number = string.sub(DIGITS, digit + 1, digit + 1) .. digits, (number - digit) / 32
  end
  return digits
end
local on_shard, beginnings = base32(tonumber(string.match(root, '{(%d+)}')), 2), {}
local function id_of(number)
  local last = number % 1024
  local first = (number - last) / 1024
  beginnings[first] = beginnings[first] or 'dlv_' .. base32(first, 9)
  return beginnings[first] .. base32(last, 2) .. on_shard
end

-- a step to where nothing follows, without a try
local function leave_off(sequence, record, step, reason)
  rest(sequence, record, step, reason)
  redis.call('PEXPIRE', key.attempts(sequence), retention)
end

-- what is left of a deleted webhook: a mark, so that news from before its end do not bring it back
local function forget(webhook)
  local version = redis.call('HGET', key.gate(webhook), 'version')
  for _, of in ipairs({key.gate, key.ledger, key.fresh, key.due, key.later, key.held}) do redis.call('DEL', of(webhook)) end
  redis.call('HSET', key.gate(webhook), 'status', 'gone', 'version', version)
  redis.call('PEXPIRE', key.gate(webhook), retention_ms)
  redis.call('PEXPIRE', key.deliveries(webhook), retention_ms)
  sum_up(webhook)
  gates[webhook], ledger[webhook], touched[webhook] = false, nil, nil
end

-- what a disabled webhook has outstanding is held, what a deleted one has left is cancelled; true when nothing is left
local function set_aside(webhook, step)
  local left = MOVES
  local function aside(sequence, state)
    left = left - 1
    local record = read_if(state, sequence)
    if not record then return end
    if step == 'hold' then
      move(sequence, record, step)
      redis.call('RPUSH', key.held(webhook), sequence)
    else
      leave_off(sequence, record, step, '')
    end
  end
  local function empty(state, pop)
    while left > 0 do
      local sequence = pop()
      if not sequence then return true end
      aside(sequence, state)
    end
  end
  local function pop_due()
    local sequence = redis.call('ZRANGE', key.due(webhook), 0, 0)[1]
    if sequence then take_up(webhook, {sequence}) end
    return sequence
  end
  local done = empty('pending', function() return redis.call('LPOP', key.fresh(webhook)) end)
    and empty('retrying', pop_due)
    and (step == 'hold' or empty('held', function() return redis.call('LPOP', key.held(webhook)) end))
    and redis.call('LLEN', key.fresh(webhook)) == 0 -- the next of a lane has come up meanwhile
  work = work - (MOVES - left)
  return done
end

local function expire(webhook)
  for _ = 1, MOVES do
    local sequence = redis.call('LINDEX', key.held(webhook), 0)
    if not sequence or tonumber(sequence) > now_us - retention_ms * 1000 then break end
    redis.call('LPOP', key.held(webhook))
    work = work - 1
    local record = read_if('held', sequence)
    if record then
      leave_off(sequence, record, 'expire', 'expired')
    end
  end
end

-- drain 2: first what is left from before is held too, behind what is held already; 1: all of it goes out, in that order
local function drain(webhook, gate)
  if gate.drain == 2 and set_aside(webhook, 'hold') then gate.drain = 1 end
  if gate.drain == 2 then return end
  for _, sequence in ipairs(redis.call('LPOP', key.held(webhook), MOVES) or {}) do
    work = work - 1
    local record = read_if('held', sequence)
    if record then
      move(sequence, record, 'drain')
      redis.call('HSET', key.delivery(sequence), 'a', 1)
      enter(webhook, record.o, sequence)
    end
  end
  if redis.call('LLEN', key.held(webhook)) == 0 then gate.drain = 0 end
end

local function lend(sequence, record, gate, fence)
  local lease_ms = gate.timeout + grace_ms
  move(sequence, record, 'claim', 'l', whole(fence))
  leases[#leases + 1], leases[#leases + 2] = sequence, whole(now_ms + lease_ms) -- from its end
  gate.flying = gate.flying + 1
  local number = tonumber(sequence)
  newest = math.max(newest, number)
  local claim = {number, id_of(number), record.w, record.e, tonumber(record.n or 0), tonumber(record.x or 0), fence, lease_ms / 1000}
  if record.r or record.a then claim[9], claim[10] = record.r or '', record.a ~= nil end
  claims[#claims + 1] = claim
end

-- up to `room` of those that `pop` gives and that are in that state
local function take(gate, room, state, pop)
  local taken = 0
  while taken < room and work > 0 do
    local sequences = pop(room - taken)
    if #sequences == 0 then break end
    local fence = redis.call('INCRBY', key.fence, #sequences) - #sequences
    for at, sequence in ipairs(sequences) do
      work = work - 1
      local record = read_if(state, sequence)
      if record then
        lend(sequence, record, gate, fence + at)
        taken = taken + 1
      end
    end
  end
  return taken
end

local function visit(webhook, gate, wanted)
  if gate.drain > 0 then drain(webhook, gate) end
  if gate.drain > 1 or gate.pause > now_ms then return 0 end
  local room = math.min(wanted, QUANTUM, cap_of(gate) - gate.flying)
  if gate.rate > 0 then
    gate.tat = arrival_of(gate)
    room = math.min(room, math.floor((now_us / 1000 - gate.tat) / interval_of(gate)))
  end
  if room <= 0 then return 0 end
  local due = redis.call('ZRANGEBYSCORE', key.due(webhook), '-inf', whole(now_ms), 'LIMIT', 0, room)
  -- first tries go first, but a quarter is for retries; the clock's last digits decide about the fraction
  local share = math.min(#due, math.floor((room + now_us % 4) / 4))
  local fresh = function(count) return redis.call('LPOP', key.fresh(webhook), count) or {} end
  local taken = take(gate, room - share, 'pending', fresh)
  local at = 0
  taken = taken + take(gate, room - taken, 'retrying', function(count)
    local sequences = {unpack(due, at + 1, math.min(at + count, #due))}
    at = at + #sequences
    if #sequences > 0 then take_up(webhook, sequences) end
    return sequences
  end)
  if gate.rate > 0 then gate.tat = gate.tat + taken * interval_of(gate) end
  return taken
end

for _, sequence in ipairs(redis.call('ZRANGEBYSCORE', key.leases, '-inf', whole(now_ms), 'LIMIT', 0, MOVES)) do
  redis.call('ZREM', key.leases, sequence)
  work = work - 1
  local record = read_if('sending', sequence)
  local gate = record and gate_of(record.w)
  if gate then
    local losses = redis.call('HINCRBY', key.delivery(sequence), 'x', 1)
    redis.call('HDEL', key.delivery(sequence), 'l')
    gate.flying = gate.flying - 1
    if losses - tonumber(record.y or 0) >= LOSSES then
      leave_off(sequence, record, 'give_up', 'lost')
    else
      move(sequence, record, 'lose')
      redis.call('HSET', key.delivery(sequence), 'd', put_off(record.w, sequence, now_ms))
    end
  end
end

local taken = 0
while taken < limit and work > 0 do
  local webhook = redis.call('ZRANGEBYSCORE', key.turns, '-inf', whole(now_us), 'LIMIT', 0, 1)[1]
  if not webhook then break end
  work = work - 1
  redis.call('ZREM', key.turns, webhook)
  local gate = gate_of(webhook)
  local lent, before = 0, work
  if gate and gate.status == 'enabled' then
    lent = visit(webhook, gate, limit - taken)
    taken = taken + lent
  elseif gate and gate.status == 'deleted' then
    if set_aside(webhook, 'cancel') and gate.flying == 0 then forget(webhook) end
  elseif gate then
    set_aside(webhook, 'hold')
    expire(webhook)
  end
  touched[webhook] = nil
  now_us = now_us + 1 -- behind everyone who waits already
  schedule(webhook, gate_of(webhook), work == before and now_us + REST_US)
end
-- the last one first: Redis looks for each one's place from the first on
local backwards = {}
for at = #leases, 1, -1 do backwards[#backwards + 1] = leases[at] end
if #leases > 0 then redis.call('ZADD', key.leases, unpack(backwards)) end
finish()

local wait_ms = -1
local turn = redis.call('ZRANGE', key.turns, 0, 0, 'WITHSCORES')[2]
local lease = redis.call('ZRANGE', key.leases, 0, 0, 'WITHSCORES')[2]
if turn then wait_ms = tonumber(turn) <= now_us and 0 or math.ceil((tonumber(turn) - now_us) / 1000) end
if lease then
  local left = math.max(0, tonumber(lease) - now_ms)
  wait_ms = wait_ms < 0 and left or math.min(wait_ms, left)
end
local asks_again = ARGV[4] == '1'
if wait_ms == 0 and (taken == limit or not asks_again) then ring() end
if not asks_again and upcoming <= now_us + SOON_US then ring() end
return cmsgpack.pack({tonumber(redis.call('GET', key.version) or '0'), wait_ms, newest, claims})
