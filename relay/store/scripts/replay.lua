-- replay: a batch of deliveries is sent again, or made where it is missing, and a replay's progress says so, in one step.
--
-- ARGV: retention ms, replay id ('' without one: then nothing is compared), its webhook, cursor as it was read, cursor as it
--       shall be, how many were looked at, 1 if this shard is done, newest number that the caller has seen, what: then with
--       resend: the states that are sent again, in one word, and sequences; with make (what is missing) and
--       bring (what is missing, and what is there again): for each an event, a webhook, a lane
-- progress:<replay>  hash  compared, then set: of two workers with the same batch one gets 'behind'; 'ended' after its end
-- delivery:<n>, attempts:<n>, event:<id>, extra, deliveries:<webhook>, sequence, fresh, due, later, tray, held, lane, gate, turns,
-- ledger, bell
-- Answers with 'done', 'behind', 'ended', 'full' (much waits for its first try already: later) or 'gone' (the webhook); and
--   of make and bring a list: the delivery of each, 0 where its event or its webhook is gone.

local id, webhook_of, cursor, following, looked, last, known, what = unpack(ARGV, 2, 9)
local BACKLOG = 2000 -- of a webhook's deliveries that wait for their first try: what is new should not wait for long
local resent, made, answer = 0, 0, {}

local function stands_in_the_way()
  if id == '' then return nil end
  redis.call('PEXPIRE', key.progress(id), retention_ms + LONGEST_LIFE_MS)
  local stands, ended = unpack(redis.call('HMGET', key.progress(id), 'cursor', 'ended'))
  if ended then return 'ended' end
  if (stands or '') ~= cursor then return 'behind' end
  local gate = gate_of(webhook_of)
  if not gate or gate.status == 'deleted' then return 'gone' end
  if redis.call('LLEN', key.fresh(webhook_of)) > BACKLOG then return 'full' end
end

local function again(sequence, states)
  local record = read(sequence)
  if not record or not string.find(states, record.s, 1, true) or not after[record.s].replay then return end
  if redis.call('EXISTS', key.event(record.e)) == 0 then return end
  resend(sequence, record)
  resent = resent + 1
end

local function make(event, webhook, lane)
  local gate = gate_of(webhook)
  if not gate or gate.status == 'deleted' or redis.call('EXISTS', key.event(event)) == 0 then return 0 end
  local there = delivery_of(event, webhook)
  if there then
    if what == 'bring' then again(there, 'retrying delivered dead cancelled') end
    return there
  end
  local sequence = numbers(1, known)
  name_deliveries(event, sequence, 1)
  birth(whole(sequence), webhook, event, lane)
  redis.call('HSET', key.delivery(whole(sequence)), 'a', 1)
  book(webhook, 'added', 1)
  made = made + 1
  return whole(sequence)
end

local obstacle = stands_in_the_way()
if obstacle then return {obstacle, {}} end
if what == 'resend' then
  for i = 11, #ARGV do again(ARGV[i], ARGV[10]) end
else
  for i = 10, #ARGV, 3 do answer[#answer + 1] = make(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
end
if id ~= '' then
  local name = key.progress(id)
  redis.call('HSET', name, 'cursor', following)
  redis.call('HINCRBY', name, 'looked', looked)
  redis.call('HINCRBY', name, 'resent', resent)
  redis.call('HINCRBY', name, 'made', made)
  if last == '1' then redis.call('HSET', name, 'done', 1) end
  redis.call('PEXPIRE', name, retention_ms + LONGEST_LIFE_MS)
end
finish()
ring_if_soon()
return {'done', answer}
