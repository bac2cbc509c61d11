-- Carries out args.finishes.
-- Answers for each: 'moved', 'lost' (another worker has it) or 'gone' (it has left the journal).
return carry_out_all(args.finishes)
