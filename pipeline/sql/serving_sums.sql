-- What model servers counted of each model version in [$start, $end), by where as far as the $by_* flags ask for
-- it; a dimension that is not asked for is ''.  Null is not counted.  Decoding is all time after the first token.
SELECT
    model, model_version,
    CASE WHEN $by_cluster THEN coalesce(nullif(cluster, ''), 'unknown') ELSE '' END AS cluster,
    CASE WHEN $by_namespace THEN coalesce(nullif(namespace, ''), 'unknown') ELSE '' END AS namespace,
    CASE WHEN $by_workload THEN coalesce(nullif(workload, ''), 'unknown') ELSE '' END AS workload,
    CAST(sum("count") FILTER (counter = 'requests') AS BIGINT) AS requests,
    CAST(sum("count") FILTER (counter = 'tokens_in') AS BIGINT) AS tokens_in,
    CAST(sum("count") FILTER (counter = 'tokens_out') AS BIGINT) AS tokens_out,
    sum(seconds) FILTER (counter = 'time_to_first_token') AS prefill_seconds,
    sum(seconds) FILTER (counter = 'latency') AS latency_seconds
FROM serving_counters
WHERE minute >= $start AND minute < $end AND at_most = ''
GROUP BY ALL
ORDER BY ALL
