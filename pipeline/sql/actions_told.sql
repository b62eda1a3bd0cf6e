-- Steps of actions since $since that somebody is told of: what waits for a person, what was done, failed or undone.
SELECT
    a.action_id, a.state, a.time, a.kind, a.policy AS rule, a.cluster, a.namespace, a.workload,
    a.model, a.model_version, a.to_version, a.detail, a.evidence,
    coalesce(p.detail, '') AS why
FROM actions_merged a
LEFT JOIN actions_merged p ON p.action_id = a.action_id AND p.state = 'proposed'
WHERE a.time >= $since
  AND a.kind NOT IN ('mute', 'record', 'approval') AND (a.kind <> 'undo_asked' OR a.state = 'proposed')
  AND (
      a.state IN ('executed', 'failed', 'undone')
      OR (a.state = 'proposed' AND a.evidence LIKE '%"mode":"propose"%')
  )
ORDER BY a.time, a.action_id, a.state
