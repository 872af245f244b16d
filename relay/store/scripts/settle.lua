-- settle: what a try did becomes the delivery's next state, if the lease is still the settler's.
--
-- ARGV: retention ms; rows: sequence, fence, the attempt (a JSON line), and if it is not just accepted: step (accept,
--       postpone, give_up, give_back, hold), reason (with postpone and give_back: Slack's word for the next try's
--       X-Slack-Retry-Reason), whether the endpoint failed, seconds until the next try, seconds that the whole webhook
--       pauses, and if there is a reply its place and it; 1 if a claim follows at once, so that nobody need be woken for what
--       is due now
-- leases, delivery:<n>, attempts:<n>, event:<id>, extra, due, later, tray, held, lane, fresh, gate, turns, ledger, bell
-- replies:<place>  list  with accept, once for each delivery: what the endpoint answered, to be said in Slack
-- reply_turns, reply_bell
-- watched  string  only looked at
-- Answers with, in MessagePack, as store/deliveries.py reads it: a list with true for each that was settled, now or by the same
--   call before, and false for each that came too late (its attempt is kept all the same); a list of the webhooks that fail:
--   webhook, second of the first failure in a row, deliveries that failed since, warnings given; and whether somebody watches
--   the live stream

-- Out of memory, Redis refuses a script's first write if it takes memory, and none after that: this is the way out of a
-- full Redis, so its first write takes none.
redis.call('ZREM', key.leases, '')

local answer, failing, back = {}, {}, {}

local function judge_gate(webhook, gate, failed, first_try, pause_s)
  if not failed then
    gate.fails, gate.since, gate.failed, gate.warned = 0, 0, 0, 0
    failing[webhook] = nil
    return
  end
  local pause_ms = math.floor(pause_s * 1000)
  if gate.since == 0 then gate.since = now_ms end
  if first_try then gate.failed = gate.failed + 1 end
  local tripped = gate.fails >= BREAKER_FAILS and gate.pause > now_ms -- by others of the same moment: one fault, one count
  if not tripped then gate.fails = gate.fails + 1 end
  if not tripped and gate.fails >= BREAKER_FAILS then
    pause_ms = math.max(pause_ms, math.min(BREAKER_CAP_MS, 1000 * 2 ^ math.min(10, gate.fails - BREAKER_FAILS)))
  end
  gate.pause, gate.paused = math.max(gate.pause, now_ms + pause_ms), now_ms
  failing[webhook] = gate
end

local function say(sequence, record, place, reply)
  if record.p then return end
  redis.call('HSET', key.delivery(sequence), 'p', 1)
  redis.call('RPUSH', key.replies(place), sequence .. ' ' .. reply)
  redis.call('ZADD', key.reply_turns, 'NX', whole(now_ms), place)
  if redis.call('LLEN', key.reply_bell) == 0 then redis.call('RPUSH', key.reply_bell, '1') end
end

local function settle(sequence, record, step, wait_s, reason)
  local name = key.delivery(sequence)
  local counter = step == 'give_back' and 'x' or 'n'
  record[counter] = record[counter] and whole(record[counter] + 1) or '1'
  if record.x then redis.call('HSET', name, 'y', record.x) end -- losses are counted in a row
  if step == 'postpone' or step == 'give_back' then
    local due = put_off(record.w, sequence, now_ms + math.floor(wait_s * 1000))
    move(sequence, record, step, counter, record[counter], 'd', due, 'r', reason)
  elseif step == 'hold' then
    redis.call('RPUSH', key.held(record.w), sequence)
    move(sequence, record, step, counter, record[counter], 'r', reason)
  else
    rest(sequence, record, step, reason, counter, record[counter])
  end
end

-- behind the tries before; most deliveries need but one
local function write_down(sequence, line, is_last)
  local name = key.attempts(sequence)
  if is_last and redis.call('SET', name, line, 'PX', retention, 'NX') then return end
  redis.call('APPEND', name, line)
  if is_last then redis.call('PEXPIRE', name, retention) end
end

for _, settlement in ipairs(cmsgpack.unpack(ARGV[2])) do
  local number, fence, attempt, step, reason, failed, wait_s, pause_s, place, reply = unpack(settlement)
  local sequence, line = whole(number), attempt .. '\n'
  step, reason = step or 'accept', reason or ''
  local record = read(sequence)
  local gate = record and gate_of(record.w)
  local mine = gate and record.l == whole(fence) or false
  if mine and record.s == 'sending' then
    write_down(sequence, line, not open[after.sending[step]])
    back[#back + 1] = sequence
    gate.flying = gate.flying - 1
    if step ~= 'give_back' then judge_gate(record.w, gate, failed, not record.n, pause_s) end
    settle(sequence, record, step, wait_s, reason)
    if step == 'accept' and place then say(sequence, record, place, reply) end
  elseif record and not mine then
    write_down(sequence, line, not open[record.s])
  end
  answer[#answer + 1] = mine
end
if #back > 0 then redis.call('ZREM', key.leases, unpack(back)) end
finish()
if ARGV[3] ~= '1' or upcoming <= now_us + SOON_US then ring_if_soon() end

local list = {}
for webhook, gate in pairs(failing) do
  list[#list + 1] = {webhook, gate.since / 1000, gate.failed, gate.warned}
end
return cmsgpack.pack({answer, list, redis.call('EXISTS', key.watched) == 1})
