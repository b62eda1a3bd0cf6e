-- Stretches of a window in which a node said nothing of any GPU, in minutes, found at whole hours: a stretch is more
-- than one.  It was heard in the month before or in the window, and has a device of which no end is known by then.
WITH said AS (
    SELECT cluster, node, min(minute) AS a, max(minute + to_minutes(span_minutes)) AS b
    FROM gpu_usage
    WHERE node <> '' AND minute >= $start - INTERVAL 31 DAY AND minute < $end
    GROUP BY cluster, node, date_trunc('hour', minute)
),
there AS (
    SELECT cluster, node, max(coalesce("end", $end)) AS until FROM devices_merged WHERE start < $end GROUP BY cluster, node
),
step AS (
    SELECT cluster, node, b AS a, coalesce(lead(a) OVER (PARTITION BY cluster, node ORDER BY a), until) AS b
    FROM said LEFT JOIN there USING (cluster, node)
)
SELECT cluster, node, greatest(a, $start) AS start, least(b, $end) AS "end"
FROM step
WHERE b > a AND a < $end AND b > $start AND date_diff('minute', greatest(a, $start), least(b, $end)) > $minutes
ORDER BY start, cluster, node
