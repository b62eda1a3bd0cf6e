-- p50, p90, p95, p99 and p99.9 of $metric in [$start, $end), in seconds, by model version and by where it was served as
-- far as the $by_* flags ask for it; a dimension that is not asked for is ''.
-- Histograms of several scales meet at the coarsest one, where a bucket is worth 2 base^(i+1) / (base + 1):
-- at scale 5 the relative error is at most 1.1 %.  The zero bucket is worth 0.
WITH parts AS (
    SELECT
        model, model_version,
        CASE WHEN $by_cluster THEN coalesce(nullif(cluster, ''), 'unknown') ELSE '' END AS cluster,
        CASE WHEN $by_namespace THEN coalesce(nullif(namespace, ''), 'unknown') ELSE '' END AS namespace,
        CASE WHEN $by_workload THEN coalesce(nullif(workload, ''), 'unknown') ELSE '' END AS workload,
        scale, bucket, sum("count") AS n
    FROM latency_bins
    WHERE metric = $metric AND minute >= $start AND minute < $end
    GROUP BY ALL
),
coarsest AS (
    SELECT * EXCLUDE (scale, bucket, n), min(scale) AS scale FROM parts GROUP BY ALL
),
merged AS (
    SELECT
        p.* EXCLUDE (scale, bucket, n), c.scale,
        CASE WHEN p.bucket = $zero THEN NULL ELSE floor(p.bucket / pow(2, p.scale - c.scale)) END AS i,
        sum(n) AS n
    FROM parts p JOIN coarsest c USING (model, model_version, cluster, namespace, workload)
    GROUP BY ALL
),
ranked AS (
    SELECT
        * EXCLUDE (scale, i, n),
        coalesce(2 * pow(2, (i + 1) * pow(2, -scale)) / (pow(2, pow(2, -scale)) + 1), 0) AS seconds,
        sum(n) OVER (served ORDER BY i NULLS FIRST) AS upto,
        sum(n) OVER served AS total
    FROM merged
    WINDOW served AS (PARTITION BY model, model_version, cluster, namespace, workload)
)
SELECT
    * EXCLUDE (seconds, upto, total),
    min(seconds) FILTER (upto >= 0.50 * total) AS p50,
    min(seconds) FILTER (upto >= 0.90 * total) AS p90,
    min(seconds) FILTER (upto >= 0.95 * total) AS p95,
    min(seconds) FILTER (upto >= 0.99 * total) AS p99,
    min(seconds) FILTER (upto >= 0.999 * total) AS p999,
    CAST(any_value(total) AS BIGINT) AS requests
FROM ranked
GROUP BY ALL
ORDER BY ALL
