-- p50, p90, p95, p99 and p99.9 of $metric in [$start, $end), in seconds, by model version and by where it was served as
-- far as the $by_* flags ask for it; a dimension that is not asked for is ''.
-- A bucket of ours, or of another exponential histogram, is worth 2 base^(i+1) / (base + 1): at scale 5 the relative
-- error is at most 1.1 %.  In a bucket with bounds of another's choice values lie evenly, as Prometheus'
-- histogram_quantile has them; what has no upper bound is worth its lower one.  The zero bucket is worth 0.
-- `error` is the largest relative error that one of p50 to p99 can have; null where it is not bounded.
-- `source` says how the times were told: requests, or the kinds of $histograms.
WITH
-- include counted_latency
, held AS (
    SELECT
        model, model_version, cluster, namespace, workload, 'requests' AS source,
        CASE WHEN bucket = $zero THEN 0 ELSE pow(2, bucket * pow(2, -scale)) END AS low,
        CASE WHEN bucket = $zero THEN 0 ELSE pow(2, (bucket + 1) * pow(2, -scale)) END AS high,
        n
    FROM (
        SELECT model, model_version, cluster, namespace, workload, scale, bucket, sum("count") AS n
        FROM latency_bins
        WHERE metric = $metric AND minute >= $start AND minute < $end
        GROUP BY ALL
    )
    UNION ALL
    SELECT
        model, model_version, cluster, namespace, workload, histogram,
        above_seconds, at_most_seconds, sum("count")
    FROM counted
    GROUP BY ALL
),
parts AS (
    SELECT
        model, model_version,
        CASE WHEN $by_cluster THEN coalesce(nullif(cluster, ''), 'unknown') ELSE '' END AS cluster,
        CASE WHEN $by_namespace THEN coalesce(nullif(namespace, ''), 'unknown') ELSE '' END AS namespace,
        CASE WHEN $by_workload THEN coalesce(nullif(workload, ''), 'unknown') ELSE '' END AS workload,
        source, low, high, CAST(sum(n) AS BIGINT) AS n
    FROM held
    GROUP BY ALL
),
-- include valued_buckets
, ranked AS (
    SELECT
        *,
        CAST(sum(n) OVER (served ORDER BY last, low, source ROWS UNBOUNDED PRECEDING) AS BIGINT) AS upto,
        CAST(sum(n) OVER served AS BIGINT) AS total
    FROM valued
    WINDOW served AS (PARTITION BY model, model_version, cluster, namespace, workload)
),
asked AS (
    SELECT model, model_version, cluster, namespace, workload, q, any_value(total) AS total,
        arg_min({'low': low, 'high': high, 'seconds': first + (last - first) * (q * total - (upto - n)) / n}, upto) AS place
    FROM ranked, (VALUES (0.5), (0.9), (0.95), (0.99), (0.999)) AS quantiles(q)
    WHERE upto >= q * total
    GROUP BY ALL
),
sources AS (
    SELECT model, model_version, cluster, namespace, workload, string_agg(DISTINCT source, ', ' ORDER BY source) AS source
    FROM parts
    GROUP BY ALL
)
SELECT
    model, model_version, cluster, namespace, workload,
    any_value(place.seconds) FILTER (q = 0.5) AS p50,
    any_value(place.seconds) FILTER (q = 0.9) AS p90,
    any_value(place.seconds) FILTER (q = 0.95) AS p95,
    any_value(place.seconds) FILTER (q = 0.99) AS p99,
    any_value(place.seconds) FILTER (q = 0.999) AS p999,
    any_value(total) AS requests,
    any_value(source) AS source,
    nullif(max(CASE
        WHEN place.high = 0 THEN 0
        WHEN place.low = 0 OR place.high = 'inf'::DOUBLE THEN 'inf'::DOUBLE
        ELSE greatest(place.seconds / place.low - 1, 1 - place.seconds / place.high)
    END) FILTER (q < 0.999), 'inf'::DOUBLE) AS error
FROM asked JOIN sources USING (model, model_version, cluster, namespace, workload)
GROUP BY model, model_version, cluster, namespace, workload
ORDER BY ALL
