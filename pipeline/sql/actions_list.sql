-- Each action with a step in [$start, $end) once: its newest state and what came of it.
WITH steps AS (
    SELECT *,
        list_position(['proposed', 'granted', 'denied', 'approved', 'refused', 'executed', 'verified', 'failed', 'undone'], state) AS rank
    FROM actions_merged
    WHERE time >= $start AND time < $end
)
SELECT
    s.action_id AS action, min(s.time) AS first, max(s.time) AS last,
    arg_max(s.state, (s.time, s.rank)) AS state,
    max(s.kind) AS kind, max(s.cluster) AS cluster, max(s.namespace) AS namespace, max(s.workload) AS workload,
    max(s.model) AS model, max(s.model_version) AS model_version, max(s.to_version) AS to_version,
    max(s.policy) AS rule, max(s.snapshot) AS snapshot,
    any_value(o.state) AS outcome,
    arg_max(s.detail, (s.time, s.rank)) AS detail
FROM steps s
LEFT JOIN outcomes_merged o USING (action_id)
GROUP BY s.action_id
ORDER BY last DESC, action
