-- warn: of several workers that see a webhook fail, one gives each warning.
--
-- ARGV: retention ms, webhook, level
-- gate:<webhook>  hash  warned rises to level
-- Answers with 1 for the one that is to warn, else 0.

local gate = gate_of(ARGV[2])
if not gate or gate.warned >= tonumber(ARGV[3]) then return 0 end
gate.warned = tonumber(ARGV[3])
finish()
return 1
