-- parts: common gate breaker
-- flags: allow-oom

-- Ends a pause, and lets an open breaker probe at once. With args.bury_ms, what Convertro rejects
-- is buried for so long, however much that is, and a breaker that is open for it closes.
-- Answers {wake-ups rung, their list, what to put there, 1 if it was paused, 1 if the breaker is
-- open}.
load_breaker()
local was_paused = redis.call('DEL', PAUSE)
if args.bury_ms then
  breaker.unguarded_until, breaker_changed = now + args.bury_ms, true
  if breaker.cause == 'burials' then close_breaker() end
end
if is_open() then breaker.probe_at, breaker_changed = now, true end
local rung, list, template = ring_by_template(args.tokens)
settle()
return {rung, list, template, was_paused, is_open() and 1 or 0}
