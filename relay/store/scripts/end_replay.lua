-- end_replay: a replay that runs is over.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, state, Unix second, retention s
-- replay:<id>      hash  state and ended
-- running_replays  set   without it
-- Answers with 1, or 0 if it was over, or is not known.

local name = key.replay(ARGV[1])
redis.call('SREM', key.running_replays, ARGV[1])
if redis.call('HGET', name, 'state') ~= 'running' then return 0 end
redis.call('HSET', name, 'state', ARGV[2], 'ended', ARGV[3])
redis.call('EXPIRE', name, ARGV[4])
return 1
