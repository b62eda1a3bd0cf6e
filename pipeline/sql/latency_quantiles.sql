-- p50, p95 and p99 of $metric by model version in [$start, $end), in seconds.
-- Histograms of several scales meet at the coarsest one, where a bucket is worth 2 base^(i+1) / (base + 1):
-- at scale 5 the relative error is at most 1.1 %.  The zero bucket is worth 0.
WITH parts AS (
    SELECT model, model_version, scale, bucket, sum("count") AS n
    FROM latency_bins
    WHERE metric = $metric AND minute >= $start AND minute < $end
    GROUP BY ALL
),
coarsest AS (
    SELECT model, model_version, min(scale) AS scale FROM parts GROUP BY ALL
),
merged AS (
    SELECT
        p.model, p.model_version, c.scale,
        CASE WHEN p.bucket = $zero THEN NULL ELSE floor(p.bucket / pow(2, p.scale - c.scale)) END AS i,
        sum(n) AS n
    FROM parts p JOIN coarsest c USING (model, model_version)
    GROUP BY ALL
),
ranked AS (
    SELECT
        model, model_version,
        coalesce(2 * pow(2, (i + 1) * pow(2, -scale)) / (pow(2, pow(2, -scale)) + 1), 0) AS seconds,
        sum(n) OVER (PARTITION BY model, model_version ORDER BY i NULLS FIRST) AS upto,
        sum(n) OVER (PARTITION BY model, model_version) AS total
    FROM merged
)
SELECT
    model, model_version,
    min(seconds) FILTER (upto >= 0.50 * total) AS p50,
    min(seconds) FILTER (upto >= 0.95 * total) AS p95,
    min(seconds) FILTER (upto >= 0.99 * total) AS p99
FROM ranked
GROUP BY ALL
ORDER BY model, model_version
