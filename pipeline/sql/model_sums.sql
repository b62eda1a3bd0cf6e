-- Traffic of each model version in [$start, $end), by where it was served as far as the $by_* flags ask for it,
-- with what the scores estimate of its accuracy as the reference in use calibrates them, from `estimated_from` on.  A
-- dimension that is not asked for is ''.
-- Tables passed in: used(model, reference).
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
    CAST(sum(estimated_count) FILTER (known) AS BIGINT) AS estimated_count,
    sum(estimated_correct) FILTER (known) AS estimated_correct,
    sum(estimated_tp) FILTER (known) AS estimated_tp, sum(estimated_fp) FILTER (known) AS estimated_fp,
    sum(estimated_fn) FILTER (known) AS estimated_fn, sum(estimated_tn) FILTER (known) AS estimated_tn,
    min(minute) FILTER (known AND estimated_count > 0) AS estimated_from
FROM (SELECT s.*, s.reference IS NOT DISTINCT FROM coalesce(u.reference, s.reference) AS known
      FROM prediction_sums s LEFT JOIN used u USING (model))
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY ALL
