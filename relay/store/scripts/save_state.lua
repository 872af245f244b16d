-- save_state: how a connection is doing, unless it is gone meanwhile.
--
-- KEYS[1]: prefix of the global tag. ARGV: id, state
-- connections        hash  id → its record
-- connection_states  hash  id → its state

if redis.call('HEXISTS', key.connections, ARGV[1]) == 1 then
  redis.call('HSET', key.connection_states, ARGV[1], ARGV[2])
end
return 1
