-- The life of deliveries, for scripts of a shard: behind the prelude. Whoever moves, makes or ends one leaves to `finish`
-- what can be written once for many.

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
    if open_now ~= before then
      redis.call('SETRANGE', name, '22', open_now == 0 and '000000' or string.format('%06d', open_now))
    end
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

-- the event names `count` deliveries, numbered from `first` on, and they are open: of an event that has none, and was kept
-- so lately that nothing lets it end
local UNSEEN = string.rep('0', 28)
local function name_first_deliveries(id, first, count)
  redis.call('SETRANGE', key.event(id), '0', string.format('%016.0f%06d%06d', first, count, count))
end

-- the same of any event
local function name_deliveries(id, first, count)
  local digits = redis.call('GETRANGE', key.event(id), '0', '27')
  if digits == UNSEEN then
    name_first_deliveries(id, first, count)
    redis.call('PERSIST', key.event(id))
  elseif digits ~= '' then
    redis.call('RPUSH', key.extra(id), whole(first) .. ' ' .. whole(count))
    open_event(id, count)
  end
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
  if record.r or reason ~= '' then
    move(sequence, record, step, 't', now, 'r', reason, ...)
  else
    move(sequence, record, step, 't', now, ...)
  end
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
