-- occur: events to which Slack gives no time (typing, presence) get one, the same for all copies and another for each repetition.
--
-- KEYS[1]: prefix of the global tag. ARGV: for each sighting: fingerprint, socket, number, earliest µs, latest µs
-- occurrences:<fingerprint>  hash  n        how often it happened
--                                  e<k>     the k-th: '<stamp> <earliest> <latest>;<socket>:<number>;<socket>:<number>;'
--                                  s<socket> the last k that a socket saw, and the number of that sighting
--
-- A socket brings events in their order, and each of them once. So a sighting is a copy of the oldest occurrence that
-- its socket has not seen and that can be the same moment (the bounds overlap); if there is none, it is a new one. Two sockets that
-- hear the same repetitions pair them one to one, however late either is. A sighting that is asked about again,
-- because our answer was lost, finds what it was given.
-- Answers with a stamp for each sighting: µs, the same for all copies.

local KEPT = 1200         -- occurrences of one event: a person types at most once in three seconds, for an hour
local TTL_S = 7200

local function whole(number) return string.format('%.0f', number) end

local function bounds(entry)
  local stamp, earliest, latest = string.match(entry, '^(%d+) (%d+) (%d+);')
  return stamp, tonumber(earliest), tonumber(latest)
end

-- the occurrence that this very sighting was given before, or nil
local function given(name, mark, last)
  for k = last, math.max(1, last - KEPT), -1 do
    local entry = redis.call('HGET', name, 'e' .. k)
    if not entry then return nil end
    if string.find(entry, mark, 1, true) then return k, entry end
  end
end

-- the oldest occurrence after `last` that can be the same moment, or nil
local function copied(name, last, newest, earliest)
  local found, what
  for k = newest, last + 1, -1 do
    local entry = redis.call('HGET', name, 'e' .. k)
    if not entry then break end
    local _, _, latest = bounds(entry)
    if latest < earliest then break end
    found, what = k, entry
  end
  return found, what
end

local answer = {}
for i = 1, #ARGV, 5 do
  local name, socket = key.occurrences(ARGV[i]), ARGV[i + 1]
  local number, earliest, latest = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local known = redis.call('HMGET', name, 'n', 's' .. socket)
  local newest = tonumber(known[1] or '0')
  local last, last_number = string.match(known[2] or '0 0', '^(%d+) (%d+)$')
  last, last_number = tonumber(last), tonumber(last_number)
  local mark = ';' .. socket .. ':' .. whole(number) .. ';'
  local k, entry
  if number <= last_number then
    k, entry = given(name, mark, last)
  else
    k, entry = copied(name, last, newest, earliest)
  end
  local stamp
  if not entry then
    k = newest + 1
    local before = newest > 0 and redis.call('HGET', name, 'e' .. newest)
    local floor = before and tonumber((bounds(before))) + 1 or 0
    stamp = whole(math.max(latest, floor))
    redis.call('HSET', name, 'n', k, 'e' .. k, stamp .. ' ' .. whole(earliest) .. ' ' .. whole(latest) .. mark)
    redis.call('HDEL', name, 'e' .. (k - KEPT))
  else
    local from, to
    stamp, from, to = bounds(entry)
    if number > last_number then
      local marks = string.match(entry, ';.*$')
      local narrowed = whole(math.max(from, earliest)) .. ' ' .. whole(math.min(to, latest))
      redis.call('HSET', name, 'e' .. k, stamp .. ' ' .. narrowed .. marks .. string.sub(mark, 2))
    end
  end
  if number > last_number then redis.call('HSET', name, 's' .. socket, k .. ' ' .. whole(number)) end
  redis.call('EXPIRE', name, TTL_S)
  answer[#answer + 1] = stamp
end
return answer
