-- ledger: the columns of one webhook, or of all, at one moment. Not MULTI: out of memory, Redis refuses even to read in one.
--
-- ARGV: retention ms, webhook ('' for all)
-- ledger:<webhook>  hash  or that of all (`*`)
-- gate:<webhook>    hash  when it began
-- Answers with: the ledger's fields and values, and the gate's baseline, or false if the webhook is not there.

local columns = redis.call('HGETALL', key.ledger('*'))
if ARGV[2] == '' then return {columns, {}, false} end
local status, baseline = unpack(redis.call('HMGET', key.gate(ARGV[2]), 'status', 'baseline'))
if status ~= 'enabled' and status ~= 'disabled' then return {columns, {}, false} end
return {columns, redis.call('HGETALL', key.ledger(ARGV[2])), baseline or '0'}
