-- Ends a pause, and lets an open breaker probe at once.
-- Answers {wake-ups rung, 1 if it was paused, 1 if the breaker is open}.
local was_paused = redis.call('DEL', PAUSE)
if is_open() then breaker.probe_at, breaker_changed = now, true end
save_breaker()
return {ring(), was_paused, is_open() and 1 or 0}
