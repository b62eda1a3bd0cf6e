-- The newest word on whether $rule rests: one row, or none.
SELECT evidence FROM actions_merged WHERE kind = 'mute' AND policy = $rule ORDER BY time DESC LIMIT 1
