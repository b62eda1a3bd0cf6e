-- Stretches of a window in which a node said nothing of any GPU, in minutes, found at whole hours: a stretch is more
-- than one.  A node is expected while it has a GPU and its cluster is expected, as in silences.sql, but in a cluster's
-- first month not before its own first word; one of which nobody ever told that it has any, between two hours in
-- which it was heard.
--
-- Table passed in: named(cluster, start, end), as there.
WITH
said AS MATERIALIZED (
    SELECT cluster, node, min(minute) AS a, max(minute + to_minutes(span_minutes)) AS b
    FROM gpu_usage
    WHERE minute >= $start - INTERVAL 31 DAY AND minute < $end
    GROUP BY cluster, node, date_trunc('hour', minute)
),
-- include clusters_began
there AS MATERIALIZED (
    SELECT DISTINCT cluster, node, start AS a, coalesce("end", $end) AS b
    FROM devices_merged
    WHERE start < $end AND node <> '' AND coalesce(resource, 'gpu') IN ('', 'gpu')
),
own AS (SELECT cluster, node, min(a) AS a, max(b) AS b FROM said WHERE node <> '' GROUP BY cluster, node),
listed AS (SELECT cluster, node, min(a) AS a FROM there GROUP BY cluster, node),
lived AS (
    FROM there
    UNION ALL
    SELECT cluster, node, o.a, coalesce(l.a, o.b)
    FROM own AS o LEFT JOIN listed AS l USING (cluster, node)
    WHERE o.a < coalesce(l.a, o.b)
),
life AS (
    SELECT cluster, node, a, b, a > coalesce(max(b) OVER earlier, TIMESTAMP '-infinity') AS is_new
    FROM lived
    WHERE b > a AND b > $start
    WINDOW earlier AS (
        PARTITION BY cluster, node ORDER BY a, b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
numbered AS (SELECT *, sum(is_new::INTEGER) OVER (PARTITION BY cluster, node ORDER BY a, b) AS number FROM life),
lives AS (SELECT cluster, node, min(a) AS a, max(b) AS b FROM numbered GROUP BY cluster, node, number),
heard AS (
    SELECT cluster, node, a, b FROM said WHERE a >= $start AND node <> ''
    UNION ALL
    SELECT cluster, node, began.a, began.a
    FROM (SELECT DISTINCT cluster, node FROM lives) JOIN began USING (cluster)
    WHERE cluster IN (FROM known) OR (cluster, node) NOT IN (SELECT (cluster, node) FROM own)
),
step AS (
    SELECT cluster, node, max(b) OVER until_now AS a, coalesce(lead(a) OVER in_turn, $end) AS b
    FROM heard
    WINDOW in_turn AS (PARTITION BY cluster, node ORDER BY a, b),
        until_now AS (PARTITION BY cluster, node ORDER BY a, b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT cluster, node, greatest(s.a, l.a) AS start, least(s.b, l.b, $end) AS "end"
FROM step AS s JOIN lives AS l USING (cluster, node)
WHERE date_diff('minute', s.a, s.b) > $minutes
    AND date_diff('minute', greatest(s.a, l.a), least(s.b, l.b, $end)) > $minutes
ORDER BY start, cluster, node
