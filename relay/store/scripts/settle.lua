-- settle: what a try did becomes the delivery's next state, if the lease is still the settler's.
--
-- ARGV: retention ms, then for each: sequence, fence, step (accept, postpone, give_up, hold), wait ms until the next try,
--       pause ms for the whole webhook, 1 if the endpoint failed, reason (with postpone: Slack's word for
--       the next try's X-Slack-Retry-Reason), the attempt (a JSON line)
-- leases, delivery:<n>, attempts:<n>, event:<id>, due, dead, held, lane, gate, turns, ledger, bell
-- Answers with: a list with 1 for each that was settled and 0 for each that came too late (its attempt is kept all the same),
--   and a list of the webhooks that fail: webhook, ms of the first failure in a row, deliveries that failed since, warnings given

local answer, failing = {}, {}

local function judge_gate(webhook, gate, failed, first_try, pause_ms)
  gate.flying = gate.flying - 1
  if not failed then
    gate.fails, gate.since, gate.failed, gate.warned = 0, 0, 0, 0
    return
  end
  gate.fails = gate.fails + 1
  if gate.since == 0 then gate.since = now_ms end
  if first_try then gate.failed = gate.failed + 1 end
  if gate.fails >= BREAKER_FAILS then
    pause_ms = math.max(pause_ms, math.min(BREAKER_CAP_MS, 1000 * 2 ^ math.min(10, gate.fails - BREAKER_FAILS)))
  end
  gate.pause = math.max(gate.pause, now_ms + pause_ms)
  failing[webhook] = gate
end

for i = 2, #ARGV, 8 do
  local sequence, fence, step, wait_ms, pause_ms, failed, reason, line = unpack(ARGV, i, i + 7)
  local record = read(sequence)
  local gate = record and gate_of(record.w)
  if record then redis.call('APPEND', key.attempts(sequence), line .. '\n') end
  if not gate or record.s ~= 'sending' or record.l ~= fence then
    answer[#answer + 1] = 0
    if record and after[record.s] and after[record.s].replay then redis.call('PEXPIRE', key.attempts(sequence), retention_ms) end
  else
    answer[#answer + 1] = 1
    redis.call('ZREM', key.leases, sequence)
    judge_gate(record.w, gate, failed == '1', not record.n, tonumber(pause_ms))
    redis.call('HINCRBY', key.delivery(sequence), 'n', 1)
    move(sequence, record, step)
    if step == 'postpone' then
      redis.call('ZADD', key.due(record.w), whole(now_ms + wait_ms), sequence)
      redis.call('HSET', key.delivery(sequence), 'd', whole(now_ms + wait_ms), 'r', reason)
    elseif step == 'give_up' then
      bury(sequence, record, reason)
    elseif step == 'hold' then
      redis.call('RPUSH', key.held(record.w), sequence)
      redis.call('HSET', key.delivery(sequence), 'r', reason)
    else
      rest(sequence, reason)
    end
  end
end
finish()
ring_if_soon()

local list = {}
for webhook, gate in pairs(failing) do
  list[#list + 1] = {webhook, gate.since, gate.failed, gate.warned}
end
return {answer, list}
