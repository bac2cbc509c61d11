-- parts: common gate
-- flags: allow-oom

-- A deliver task ends while work may remain: gives its wake-up token back and rings.
-- Answers how many wake-ups were rung.
load_breaker()
give_back(args.wakeup)
local rung = ring(args.tokens, BATCH)
settle()
return rung
