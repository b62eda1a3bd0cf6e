-- A part of the silences of clusters and of nodes: from when on each cluster is expected in the window.
told AS MATERIALIZED (
    SELECT cluster FROM devices WHERE start < $end UNION SELECT cluster FROM allocations WHERE start < $end
),
known AS (
    SELECT cluster FROM charges WHERE month < $start AND cluster <> '' UNION SELECT cluster FROM said WHERE a < $start
),
ledger AS (
    SELECT CASE WHEN EXISTS (FROM closings WHERE month < $start) THEN $start ELSE coalesce(min(a), $start) END AS a
    FROM said WHERE a >= $start
),
first AS (SELECT cluster, min(a) AS a FROM said WHERE a >= $start GROUP BY cluster),
began AS MATERIALIZED (
    SELECT cluster, CASE WHEN cluster IN (FROM known) THEN $start ELSE coalesce(f.a, ledger.a) END AS a,
        f.a IS NOT NULL OR cluster IN (FROM known) AS is_known
    FROM (
        FROM known UNION SELECT cluster FROM first UNION FROM told UNION SELECT cluster FROM named
    )
    LEFT JOIN first AS f USING (cluster), ledger
),
