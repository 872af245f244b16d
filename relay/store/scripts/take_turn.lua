-- take_turn: may rtm.connect be called with this token now? One budget for all processes that use it.
--
-- KEYS[1]: prefix of the global tag. ARGV: hash of the token, ms a turn, turns at once, and '' to take a turn, 'back' to give one
--   back, or the ms that Slack asked to wait
-- turn:<hash>  string  ms at which all turns that were taken will have been given back, and when that was written
-- Answers with the ms to wait; 0: it is ours.

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local name, turn_ms, burst = key.turn(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full, at = string.match(redis.call('GET', name) or '0 0', '^(%d+) ?(%d*)$')
full, at = tonumber(full), tonumber(at) or 0
if at > now_ms then full = full - (at - now_ms) end -- the clock was set back
full = math.max(full, now_ms)

local function keep(until_ms)
  redis.call('SET', name, string.format('%.0f %.0f', until_ms, now_ms), 'PX', string.format('%.0f', until_ms - now_ms + 1000))
end

if ARGV[4] == 'back' then
  keep(math.max(full - turn_ms, now_ms))
  return 0
end
if ARGV[4] ~= '' then
  keep(math.max(full, now_ms + tonumber(ARGV[4]) + (burst - 1) * turn_ms))
  return 0
end
local wait_ms = full - (burst - 1) * turn_ms - now_ms
if wait_ms > 0 then return math.ceil(wait_ms) end
keep(full + turn_ms)
return 0
