-- finish_reply: it was said, or never can be, or it is to be tried again.
--
-- ARGV: retention ms, place, sequence of the delivery, ms until this place's next turn, 1 if it is over
-- replies:<place>  list  without it, if it is over and still the head
-- reply_turns      zset  when the place may speak again
-- reply_bell       list  rings if it has more to say
-- Answers with 1, or 0 if it was no longer the head: its lease had ended, and another has finished it.

local place, sequence, wait_ms, over = unpack(ARGV, 2, 5)
local head = redis.call('LINDEX', key.replies(place), 0)
if not head or string.match(head, '^%d+') ~= sequence then return 0 end
if over == '1' then redis.call('LPOP', key.replies(place)) end
redis.call('ZADD', key.reply_turns, whole(now_ms + wait_ms), place)
local more = redis.call('LLEN', key.replies(place)) > 0
if more and redis.call('LLEN', key.reply_bell) == 0 then redis.call('RPUSH', key.reply_bell, '1') end
return 1
