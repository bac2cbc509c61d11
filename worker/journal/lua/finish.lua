-- parts: common gate events breaker finishing
-- flags: allow-oom

-- Carries out args.finishes. Answers {news, then for each finish 'moved', 'held' (due again, not
-- counted as a retry), 'lost' (another worker has the event) or 'gone' (it has left the journal)}.
load_breaker()
local finished = carry_out_all(args.finishes)
settle()
return {news_text(), unpack(finished)}
