-- Each step of a ladder once: its newest state, when the cluster was, or may have been, changed, and its end.
-- An approval counts until a refusal as late as it says that nothing was written.
WITH steps AS (
    SELECT *,
        list_position(['proposed', 'granted', 'denied', 'approved', 'refused', 'executed', 'verified', 'failed', 'undone'], state) AS rank
    FROM actions_merged
    WHERE list_contains($kinds::VARCHAR[], kind)
),
folded AS (
    SELECT
        action_id,
        max(kind) AS kind, max(cluster) AS cluster, max(namespace) AS namespace, max(policy) AS rule,
        arg_max(state, (time, rank)) AS state,
        max(time) FILTER (WHERE state = 'approved') AS approved_at,
        min(time) FILTER (WHERE state IN ('executed', 'verified', 'undone')) AS executed_at,
        max(time) FILTER (WHERE state = 'refused') AS refused_at,
        max(time) FILTER (WHERE state = 'undone') AS ended_at,
        bool_or(state = 'undone' AND evidence LIKE '%"why":"person"%') AS by_hand
    FROM steps
    GROUP BY action_id
    HAVING max(policy) <> ''  -- a freeze by command is no ladder's
)
SELECT
    action_id, kind, cluster, namespace, rule, state,
    coalesce(least(executed_at, CASE WHEN refused_at IS NULL OR refused_at < approved_at THEN approved_at END), executed_at) AS acted_at,
    ended_at, coalesce(by_hand, false) AS by_hand
FROM folded
WHERE coalesce(executed_at, approved_at) IS NOT NULL
ORDER BY coalesce(executed_at, approved_at), action_id
