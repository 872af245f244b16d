-- claim: deliveries are lent to a worker, each under a lease and a fence; the webhooks take turns.
--
-- ARGV: retention ms, how many at most, grace ms (a lease is the webhook's timeout and this)
-- leases       zset    those that ran out: their deliveries are due again at once, or dead after LOSSES of them
-- turns        zset    webhooks whose turn it is, the one that waits longest first
-- gate:<webhook>       bound in flight, rate, pause, breaker; a disabled or deleted webhook's deliveries are moved on here
-- fresh, due, held, dead, lane, delivery, attempts, deliveries, ledger, fence, bell
-- Answers with: version of the webhooks, ms until there may be more to do (-1: only the bell knows), and a list with for each claim:
--   sequence, webhook, event id, tries, losses, fence, lease ms, why the try before failed (in Slack's word)

local limit, grace_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local LOSSES, QUANTUM, VISITS = 5, 16, 256
local answer = {}

local function forget(webhook)
  for _, name in ipairs({key.gate(webhook), key.ledger(webhook), key.fresh(webhook), key.due(webhook), key.held(webhook)}) do
    redis.call('DEL', name)
  end
  redis.call('PEXPIRE', key.dead(webhook), retention_ms)
  redis.call('PEXPIRE', key.deliveries(webhook), retention_ms)
  gates[webhook], ledger[webhook], touched[webhook] = false, nil, nil
end

-- a webhook that is disabled holds what is outstanding, one that is deleted cancels it, a batch a visit
local function set_aside(webhook, gate)
  local step = gate.status == 'deleted' and 'cancel' or 'hold'
  local function each(sequence)
    local record = read(sequence)
    if not record or not move(sequence, record, step) then return end
    if step == 'hold' then redis.call('RPUSH', key.held(webhook), sequence) else rest(sequence, '') end
  end
  for _, sequence in ipairs(redis.call('LPOP', key.fresh(webhook), HOLD_BATCH) or {}) do each(sequence) end
  for _, sequence in ipairs(redis.call('ZRANGE', key.due(webhook), 0, HOLD_BATCH - 1)) do
    redis.call('ZREM', key.due(webhook), sequence)
    each(sequence)
  end
  local oldest = now_us - retention_ms * 1000
  for _ = 1, HOLD_BATCH do
    local sequence = redis.call('LINDEX', key.held(webhook), 0)
    if not sequence or (step == 'hold' and tonumber(sequence) > oldest) then break end
    redis.call('LPOP', key.held(webhook))
    local record = read(sequence)
    if record and step == 'cancel' then
      if move(sequence, record, 'cancel') then rest(sequence, '') end
    elseif record and move(sequence, record, 'expire') then
      bury(sequence, record, 'expired')
    end
  end
  local left = redis.call('LLEN', key.fresh(webhook)) + redis.call('ZCARD', key.due(webhook)) + redis.call('LLEN', key.held(webhook))
  if step == 'cancel' and gate.flying == 0 and left == 0 then forget(webhook) end
end

local function drain(webhook, gate)
  for _, sequence in ipairs(redis.call('LPOP', key.held(webhook), HOLD_BATCH) or {}) do
    local record = read(sequence)
    if record and move(sequence, record, 'drain') then
      enter(webhook, record.o or '', sequence)
    end
  end
  if redis.call('LLEN', key.held(webhook)) == 0 then gate.drain = 0 end
end

local function lend(sequence, record, gate)
  local fence = redis.call('INCR', key.fence)
  local lease_ms = gate.timeout + grace_ms
  redis.call('HSET', key.delivery(sequence), 'l', fence)
  redis.call('ZADD', key.leases, whole(now_ms + lease_ms), sequence)
  gate.flying = gate.flying + 1
  local size = #answer
  answer[size + 1], answer[size + 2], answer[size + 3] = sequence, record.w, record.e
  answer[size + 4], answer[size + 5] = tonumber(record.n or 0), tonumber(record.x or 0)
  answer[size + 6], answer[size + 7], answer[size + 8] = fence, lease_ms, record.r or ''
end

-- what was cancelled stays in `fresh` until it comes up; it does not count
local function take(webhook, gate, room, pop)
  local taken = 0
  while taken < room do
    local sequences = pop(room - taken)
    if #sequences == 0 then break end
    for _, sequence in ipairs(sequences) do
      local record = read(sequence)
      if record and move(sequence, record, 'claim') then
        lend(sequence, record, gate)
        taken = taken + 1
      end
    end
  end
  return taken
end

local function visit(webhook, gate, wanted)
  if gate.drain == 1 then drain(webhook, gate) end
  local room = math.min(wanted, QUANTUM, cap_of(gate) - gate.flying)
  if gate.pause > now_ms then room = 0 end
  if gate.rate > 0 then
    gate.tat = arrival_of(gate)
    room = math.min(room, math.floor((now_ms - gate.tat) / interval_of(gate)))
  end
  if room <= 0 then return 0 end
  local due = redis.call('ZRANGEBYSCORE', key.due(webhook), '-inf', whole(now_ms), 'LIMIT', 0, room)
  local share = math.min(#due, math.floor(room / 4)) -- first tries go first, but retries are never starved
  local taken = take(webhook, gate, room - share, function(count) return redis.call('LPOP', key.fresh(webhook), count) or {} end)
  local at = 0
  taken = taken + take(webhook, gate, room - taken, function(count)
    local sequences = {}
    for i = at + 1, math.min(at + count, #due) do
      redis.call('ZREM', key.due(webhook), due[i])
      sequences[#sequences + 1] = due[i]
    end
    at = at + count
    return sequences
  end)
  if gate.rate > 0 then gate.tat = gate.tat + taken * interval_of(gate) end
  return taken
end

for _, sequence in ipairs(redis.call('ZRANGEBYSCORE', key.leases, '-inf', whole(now_ms), 'LIMIT', 0, HOLD_BATCH)) do
  redis.call('ZREM', key.leases, sequence)
  local record = read(sequence)
  local gate = record and gate_of(record.w)
  if gate and record.s == 'sending' then
    local losses = redis.call('HINCRBY', key.delivery(sequence), 'x', 1)
    gate.flying = gate.flying - 1
    if losses >= LOSSES then
      move(sequence, record, 'give_up')
      bury(sequence, record, 'lost')
    else
      move(sequence, record, 'lose')
      redis.call('ZADD', key.due(record.w), whole(now_ms), sequence)
    end
  end
end

local taken, visits = 0, 0
while taken < limit and visits < VISITS do
  local first = redis.call('ZRANGEBYSCORE', key.turns, '-inf', whole(now_us), 'LIMIT', 0, 1)[1]
  if not first then break end
  visits = visits + 1
  redis.call('ZREM', key.turns, first)
  local gate = gate_of(first)
  if gate and gate.status == 'enabled' then
    taken = taken + visit(first, gate, limit - taken)
  elseif gate then
    set_aside(first, gate)
    visits = visits + 63 -- many steps at once: a script keeps everyone else waiting
  end
  touched[first] = nil
  now_us = now_us + 1 -- behind everyone who waits already
  schedule(first, gate_of(first))
end
finish()

local wait_ms = -1
local turn = redis.call('ZRANGE', key.turns, 0, 0, 'WITHSCORES')[2]
local lease = redis.call('ZRANGE', key.leases, 0, 0, 'WITHSCORES')[2]
if turn then wait_ms = math.max(0, math.ceil(tonumber(turn) / 1000 - now_ms)) end
if lease then
  local left = math.max(0, tonumber(lease) - now_ms)
  wait_ms = wait_ms < 0 and left or math.min(wait_ms, left)
end
if wait_ms == 0 and taken == limit then ring() end
return {tonumber(redis.call('GET', key.version) or '0'), wait_ms, answer}
