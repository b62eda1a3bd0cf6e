-- Freezes that were carried out and not undone.
SELECT action_id, max(cluster) AS cluster, max(namespace) AS namespace
FROM actions_merged
WHERE kind = 'freeze'
GROUP BY action_id
HAVING list_contains(list(state), 'executed') AND NOT list_contains(list(state), 'undone')
ORDER BY action_id
