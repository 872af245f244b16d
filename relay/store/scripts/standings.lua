-- standings: how connections are doing, from what the workers that are there say of them.
--
-- KEYS[1]: prefix of the global tag. ARGV: ms that a beat is good for, ids
-- workers        zset  worker → ms of its last beat
-- standing:<id>  hash  see stand.lua
-- Answers with the workers that are there, then each hash.

local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local answer = {redis.call('ZRANGEBYSCORE', key.workers, string.format('%.0f', oldest), '+inf')}
for i = 2, #ARGV do answer[i] = redis.call('HGETALL', key.standing(ARGV[i])) end
return answer
