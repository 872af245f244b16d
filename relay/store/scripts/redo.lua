-- redo: deliveries are sent again (replay) or never again (cancel), as a person asked.
--
-- ARGV: retention ms, step (replay, cancel), sequences
-- delivery:<n>, attempts:<n>, event:<id>, extra, fresh, due, later, tray, lane, gate, turns, ledger, leases, bell
-- Answers with a list: 1 done, 0 its state does not allow it, -1 there is no such delivery, -2 its event is no longer kept,
--   -3 its webhook is gone.

local step = ARGV[2]

local function allowed(record)
  if not record then return -1 end
  if not gate_of(record.w) or gate_of(record.w).status == 'deleted' then return -3 end
  if not after[record.s][step] then return 0 end
  if step == 'replay' and redis.call('EXISTS', key.event(record.e)) == 0 then return -2 end
  return 1
end

-- from `fresh`, `held` and a lane it goes when it comes up there
local function cancel(sequence, record)
  if record.s == 'retrying' then call_off(record.w, sequence) end
  if record.s == 'sending' then
    redis.call('ZREM', key.leases, sequence)
    redis.call('HDEL', key.delivery(sequence), 'l')
    gate_of(record.w).flying = gate_of(record.w).flying - 1
  end
  rest(sequence, record, 'cancel', '')
  redis.call('PEXPIRE', key.attempts(sequence), retention)
end

local answer = {}
for i = 3, #ARGV do
  local record = read(ARGV[i])
  answer[i - 2] = allowed(record)
  if answer[i - 2] == 1 then (step == 'cancel' and cancel or resend)(ARGV[i], record) end
end
finish()
ring_if_soon()
return answer
