-- publish: outcomes are shown to those who watch; what nobody watches is not kept.
--
-- ARGV: retention ms, then the outcomes (a JSON object each)
-- watched   string  there while somebody watches
-- outcomes  stream  o the outcome; a few thousand of them, gone a while after the last
-- Answers with how many were kept.

local MOST, GONE_S = 10000, 600

if redis.call('EXISTS', key.watched) == 0 then return 0 end
for i = 2, #ARGV do redis.call('XADD', key.outcomes, 'MAXLEN', '~', MOST, '*', 'o', ARGV[i]) end
redis.call('EXPIRE', key.outcomes, GONE_S)
return #ARGV - 1
