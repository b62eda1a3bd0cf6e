-- Stretches of a window in which a cluster that had GPUs before said nothing of any, in minutes: until it said
-- something again, or else as long as it had a device or a holder of which no end is known.  A cluster that was
-- silent for a month before is gone, unless nobody at all said anything in the window.
WITH heard AS (
    SELECT count(*) > 0 AS any_cluster FROM (FROM gpu_usage WHERE minute >= $start AND minute < $end LIMIT 1)
),
said AS (
    SELECT cluster, minute AS a, minute + to_minutes(span_minutes) AS b
    FROM gpu_usage
    WHERE minute < $end + INTERVAL 31 DAY
        AND (minute >= $start - INTERVAL 31 DAY OR NOT (SELECT any_cluster FROM heard))
    GROUP BY ALL
),
there AS (
    SELECT cluster, max(coalesce(until, $end)) AS until
    FROM (
        SELECT cluster, "end" AS until FROM devices_merged UNION ALL SELECT cluster, "end" FROM allocations_merged
    )
    GROUP BY cluster
),
step AS (
    SELECT cluster, b AS a, coalesce(lead(a) OVER (PARTITION BY cluster ORDER BY a, b), until) AS b
    FROM said LEFT JOIN there USING (cluster)
)
SELECT cluster, greatest(a, $start) AS start, least(b, $end) AS "end",
    date_diff('minute', greatest(a, $start), least(b, $end)) AS minutes
FROM step
WHERE b > a AND a < $end AND b > $start AND date_diff('minute', greatest(a, $start), least(b, $end)) > $minutes
ORDER BY start, cluster
