-- Stretches of a window in which a cluster that was expected said nothing of any GPU, in minutes.  It is expected
-- while the inventory has a GPU of it, or else somebody holds one; where nobody ever told of any, to the end.  From
-- the start on, if a closed month charged it or it was heard in the month before; else from when it is first heard;
-- if it never was, from the start, in the first month that is closed from when anybody was heard.
--
-- Tables passed in: held(cluster, start, end), holders in clusters without an inventory; named(cluster, start, end),
-- expected then, where the ledger has never heard of it.
WITH
said AS MATERIALIZED (
    SELECT DISTINCT cluster, minute AS a, minute + to_minutes(span_minutes) AS b
    FROM gpu_usage
    WHERE minute >= $start - INTERVAL 31 DAY AND minute < $end
),
-- include clusters_began
there AS MATERIALIZED (
    SELECT cluster, start AS a, coalesce("end", $end) AS b
    FROM devices_merged
    WHERE start < $end AND coalesce(resource, 'gpu') IN ('', 'gpu')
    UNION
    SELECT cluster, start, "end" FROM held
),
-- Before the inventory tells of a cluster, what it says of itself does.
lived AS (
    FROM there
    UNION ALL
    SELECT cluster, s.a, t.a
    FROM (SELECT cluster, min(a) AS a FROM there GROUP BY cluster) AS t
    JOIN (SELECT cluster, min(a) AS a FROM said GROUP BY cluster) AS s USING (cluster)
    WHERE s.a < t.a
    UNION ALL
    SELECT cluster, $start, $end FROM began WHERE is_known AND cluster NOT IN (FROM told)
    UNION ALL
    SELECT cluster, start, "end" FROM named
    WHERE cluster NOT IN (FROM told) AND cluster NOT IN (SELECT cluster FROM began WHERE is_known)
),
life AS (
    SELECT cluster, a, b, a > coalesce(max(b) OVER earlier, TIMESTAMP '-infinity') AS is_new
    FROM lived
    WHERE b > a AND b > $start
    WINDOW earlier AS (PARTITION BY cluster ORDER BY a, b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
numbered AS (SELECT *, sum(is_new::INTEGER) OVER (PARTITION BY cluster ORDER BY a, b) AS number FROM life),
lives AS (SELECT cluster, min(a) AS a, max(b) AS b FROM numbered GROUP BY cluster, number),
heard AS (
    SELECT cluster, a, b FROM said WHERE a >= $start UNION ALL SELECT cluster, a, a FROM began
),
step AS (
    SELECT cluster, max(b) OVER until_now AS a, coalesce(lead(a) OVER in_turn, $end) AS b
    FROM heard
    WINDOW in_turn AS (PARTITION BY cluster ORDER BY a, b),
        until_now AS (PARTITION BY cluster ORDER BY a, b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT cluster, greatest(s.a, l.a) AS start, least(s.b, l.b, $end) AS "end"
FROM step AS s JOIN lives AS l USING (cluster)
WHERE date_diff('minute', s.a, s.b) > $minutes
    AND date_diff('minute', greatest(s.a, l.a), least(s.b, l.b, $end)) > $minutes
ORDER BY start, cluster
