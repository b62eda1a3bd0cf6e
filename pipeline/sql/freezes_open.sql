-- Freezes that were carried out and not undone; of a command that died before it could say so, those begun before $late.
SELECT action_id, max(cluster) AS cluster, max(namespace) AS namespace
FROM actions_merged
WHERE kind = 'freeze'
GROUP BY action_id
HAVING NOT list_contains(list(state), 'undone') AND (
    list_contains(list(state), 'executed')
    OR (max(policy) = '' AND max(time) FILTER (WHERE state = 'approved') < $late AND NOT list_contains(list(state), 'refused'))
)
ORDER BY action_id
