-- Requests of $metric in [$start, $end) that servers counted and nobody logged, by model version and by where as far as
-- the $by_* flags ask for it; a dimension that is not asked for is ''.
WITH
-- include counted_latency
SELECT
    model, model_version,
    CASE WHEN $by_cluster THEN coalesce(nullif(cluster, ''), 'unknown') ELSE '' END AS cluster,
    CASE WHEN $by_namespace THEN coalesce(nullif(namespace, ''), 'unknown') ELSE '' END AS namespace,
    CASE WHEN $by_workload THEN coalesce(nullif(workload, ''), 'unknown') ELSE '' END AS workload,
    min(minute) AS first, max(minute + to_minutes(span_minutes - 1)) AS last,
    CAST(sum("count") AS BIGINT) AS requests
FROM counted
GROUP BY ALL
ORDER BY ALL
