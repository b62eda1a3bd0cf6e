-- Approvals whose time is over at $now, that no tick carried out and nobody took back by a no, each until that is in the ledger.
WITH given AS (
    SELECT
        action_id, time,
        CASE WHEN state = 'granted' THEN (evidence ->> 'expires') END AS expires,
        CASE WHEN state = 'granted' THEN (evidence ->> 'by') END AS "by"
    FROM actions_merged
    WHERE state = 'granted' AND kind NOT IN ('mute', 'record', 'undo_asked')
),
told AS (
    SELECT
        CASE WHEN kind = 'approval' THEN (evidence ->> 'of') END AS action_id,
        CASE WHEN kind = 'approval' THEN (evidence ->> 'expires') END AS expires
    FROM actions_merged
    WHERE kind = 'approval'
)
SELECT g.action_id, g.expires, g."by"
FROM given AS g
ANTI JOIN told AS t ON t.action_id = g.action_id AND t.expires = g.expires
ANTI JOIN (FROM actions_merged WHERE state IN ('approved', 'denied')) AS a ON a.action_id = g.action_id AND a.time >= g.time
WHERE TRY_CAST(rtrim(g.expires, 'Z') AS TIMESTAMP) <= $now
ORDER BY g.time, g.action_id
