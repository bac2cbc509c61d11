-- parts: common gate breaker
-- flags: allow-oom

-- Ends a pause, and lets an open breaker probe at once. For args.bury_ms milliseconds burials do not
-- open the breaker, however many they are, and a breaker that is open because of burials closes.
-- Answers {number of wake-ups to send, the broker's list for them, a template of the wake-up, 1 if
-- delivery was paused, 1 if the breaker is open}.
load_breaker()
local was_paused = redis.call('DEL', PAUSE)
if args.bury_ms then
  breaker.unguarded_until, breaker_changed = now + args.bury_ms, true
  if breaker.cause == 'burials' then close_breaker() end
end
if is_open() then breaker.probe_at, breaker_changed = now, true end
local wakeups, list, template = register_by_template(args.tokens)
settle()
return {wakeups, list, template, was_paused, is_open() and 1 or 0}
