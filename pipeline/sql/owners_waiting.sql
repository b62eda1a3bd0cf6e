-- Owners that were told to wait and not told to go on, with what was written down before anything was changed.
SELECT * FROM actions_merged
WHERE kind = $kind AND state = 'approved'
  AND action_id NOT IN (SELECT action_id FROM actions_merged WHERE kind = $kind AND state IN ('undone', 'refused'))
ORDER BY time, action_id
