-- When the level of a detector on a version of $model changed, in [$start, $end): the first verdict only where it warns.
WITH levels AS (
    SELECT model_version, detector, time, snapshot, level,
        lag(level) OVER (PARTITION BY model_version, detector ORDER BY time, snapshot, level) AS before
    FROM findings
    WHERE model = $model AND time < $end AND level IN ('ok', 'warn', 'act')
)
SELECT model_version, detector, time, level, before
FROM levels
WHERE time >= $start AND level IS DISTINCT FROM before AND (before IS NOT NULL OR level <> 'ok')
ORDER BY time, model_version, detector
