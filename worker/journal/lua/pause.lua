-- parts: common gate
-- flags: allow-oom

-- Pauses delivery until resume. Answers 1, or 0 if it was paused before.
local note = cjson.encode({at = now, reason = args.reason})
return redis.call('SET', PAUSE, note, 'NX') and 1 or 0
