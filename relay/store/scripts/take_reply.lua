-- take_reply: the next thing to be said in Slack, lent to a worker; in each place one at a time, in order.
--
-- ARGV: retention ms, lease ms
-- reply_turns      zset  the place whose turn it is; it has its next turn when the lease ends, or as finish_reply says
-- replies:<place>  list  its head is lent, and stays until it is finished
-- Answers with: ms until there may be one (-1: only the bell knows), and if that is 0 a place and `<sequence> <JSON>`.

local LOOKS = 100
for _ = 1, LOOKS do
  local place, turn = unpack(redis.call('ZRANGE', key.reply_turns, 0, 0, 'WITHSCORES'))
  if not place then return {-1} end
  if tonumber(turn) > now_ms then return {math.ceil(tonumber(turn) - now_ms)} end
  local head = redis.call('LINDEX', key.replies(place), 0)
  if head then
    redis.call('ZADD', key.reply_turns, whole(now_ms + tonumber(ARGV[2])), place)
    return {0, place, head}
  end
  redis.call('ZREM', key.reply_turns, place) -- it had its second of rest
end
return {1}
