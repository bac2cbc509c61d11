-- parts: common gate events breaker finishing
-- flags: allow-oom

-- Carries out args.finishes. Answers {news, then for each finish: 'moved', 'held' (due again, no
-- retry is used up), 'lost' (another worker has it) or 'gone' (it has left the journal)}.
load_breaker()
local finished = carry_out_all(args.finishes)
settle()
return {news_text(), unpack(finished)}
