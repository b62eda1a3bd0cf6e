-- Stretches of a window in which a cluster that had GPUs before and after said nothing of any, in minutes.
WITH said AS (
    SELECT cluster, minute AS a, minute + to_minutes(span_minutes) AS b
    FROM gpu_usage
    WHERE minute >= $start - INTERVAL 31 DAY AND minute < $end + INTERVAL 31 DAY
    GROUP BY ALL
),
step AS (
    SELECT cluster, b AS a, lead(a) OVER (PARTITION BY cluster ORDER BY a, b) AS b FROM said
)
SELECT cluster, greatest(a, $start) AS start, least(b, $end) AS "end",
    date_diff('minute', greatest(a, $start), least(b, $end)) AS minutes
FROM step
WHERE b > a AND a < $end AND b > $start AND date_diff('minute', greatest(a, $start), least(b, $end)) > $minutes
ORDER BY start, cluster
