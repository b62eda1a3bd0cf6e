-- The newest rehearsal of $rule that was kept: one row, or none.
SELECT evidence, detail FROM actions_merged WHERE kind = 'record' AND policy = $rule ORDER BY time DESC LIMIT 1
