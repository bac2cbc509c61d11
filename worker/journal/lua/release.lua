-- parts: common gate
-- flags: allow-oom

-- Gives back the wake-up token of a deliver task that ends while events may be due, and registers
-- wake-ups for those. Answers how many wake-ups to send.
load_breaker()
give_back(args.wakeup)
local wakeups = register_wakeups(args.tokens, BATCH)
settle()
return wakeups
