-- Traffic of each model version in [$start, $end), by where it was served as far as the $by_* flags ask for it,
-- with what the calibrated scores estimate of its accuracy.  A dimension that is not asked for is ''.
SELECT
    model, model_version,
    CASE WHEN $by_cluster THEN coalesce(nullif(cluster, ''), 'unknown') ELSE '' END AS cluster,
    CASE WHEN $by_namespace THEN coalesce(nullif(namespace, ''), 'unknown') ELSE '' END AS namespace,
    CASE WHEN $by_workload THEN coalesce(nullif(workload, ''), 'unknown') ELSE '' END AS workload,
    min(minute) AS first, max(minute + to_minutes(span_minutes - 1)) AS last,
    CAST(sum("count") AS BIGINT) AS requests,
    CAST(sum(errors) AS BIGINT) AS errors,
    CAST(sum(tokens_in) AS BIGINT) AS tokens_in,
    CAST(sum(tokens_out) AS BIGINT) AS tokens_out,
    CAST(sum(tokens_cached) AS BIGINT) AS tokens_cached,
    CAST(sum(estimated_count) AS BIGINT) AS estimated_count,
    sum(estimated_correct) AS estimated_correct,
    sum(estimated_tp) AS estimated_tp, sum(estimated_fp) AS estimated_fp,
    sum(estimated_fn) AS estimated_fn, sum(estimated_tn) AS estimated_tn
FROM prediction_sums
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY ALL
