-- Rows of the actions that were taken for another one, in the order in which their states were reached.
SELECT *
FROM actions_merged
WHERE action_id IN (
    SELECT action_id FROM actions_merged
    WHERE kind = 'suspend_owner' AND state = 'approved' AND evidence LIKE '%"of":"' || $action_id || '"%'
)
ORDER BY time, list_position(['approved', 'refused', 'executed', 'undone'], state)
