-- All rows of the actions whose id starts with $prefix, in the order in which their states were reached.
SELECT *
FROM actions_merged
WHERE starts_with(action_id, $prefix)
ORDER BY
    action_id, time,
    list_position(['proposed', 'granted', 'denied', 'approved', 'refused', 'executed', 'verified', 'failed', 'undone'], state)
