-- Requests to undo an action that no tick has answered yet.
SELECT * FROM actions_merged
WHERE kind = 'undo_asked' AND state = 'granted'
  AND action_id NOT IN (SELECT action_id FROM actions_merged WHERE kind = 'undo_asked' AND state IN ('executed', 'refused'))
ORDER BY time, action_id
