-- redo: deliveries are sent again (replay) or never again (cancel), as a person asked.
--
-- ARGV: retention ms, step (replay, cancel), sequences
-- delivery:<n>, attempts:<n>, event:<id>, fresh, due, dead, held, lane, gate, turns, ledger, leases, bell
-- Answers with a list: 1 done, 0 its state does not allow it, -1 there is no such delivery, -2 its event is no longer kept,
--   -3 its webhook is gone.

local answer = {}
local step = ARGV[2]

local function allowed(sequence, record)
  if not record then return -1 end
  if not gate_of(record.w) or gate_of(record.w).status == 'deleted' then return -3 end
  if not after[record.s][step] then return 0 end
  if step == 'replay' and redis.call('EXISTS', key.event(record.e)) == 0 then return -2 end
  return 1
end

for i = 3, #ARGV do
  local sequence = ARGV[i]
  local record = read(sequence)
  local verdict = allowed(sequence, record)
  answer[#answer + 1] = verdict
  if verdict == 1 then
    local before = record.s
    local name = key.delivery(sequence)
    if before == 'retrying' then redis.call('ZREM', key.due(record.w), sequence) end
    if before == 'dead' then redis.call('ZREM', key.dead(record.w), sequence) end
    if before == 'held' then redis.call('LREM', key.held(record.w), 1, sequence) end
    if before == 'sending' then
      redis.call('ZREM', key.leases, sequence)
      gate_of(record.w).flying = gate_of(record.w).flying - 1
    end
    move(sequence, record, step)
    if step == 'cancel' then
      rest(sequence, '')
    else
      redis.call('HDEL', name, 'n', 'x', 'l', 'd', 't', 'r')
      redis.call('PERSIST', name)
      redis.call('PERSIST', key.attempts(sequence))
      if before == 'retrying' then redis.call('RPUSH', key.fresh(record.w), sequence) else enter(record.w, record.o or '', sequence) end
    end
  end
end
finish()
ring_if_soon()
return answer
