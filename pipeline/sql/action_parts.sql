-- Rows of the actions that were taken for another one, and of approvals of it that were not accepted or not used, in the
-- order in which their states were reached.
SELECT *
FROM actions_merged
WHERE action_id IN (
    SELECT action_id FROM actions_merged
    WHERE ((kind = 'suspend_owner' AND state = 'approved') OR (kind = 'approval' AND state = 'refused'))
      AND evidence LIKE '%"of":"' || $action_id || '"%'
)
ORDER BY time, list_position(['approved', 'refused', 'executed', 'undone'], state)
