-- Traffic of each model version in [$start, $end), with what the calibrated scores estimate of its accuracy.
SELECT
    model, model_version, min(minute) AS first, max(minute) AS last,
    CAST(sum("count") AS BIGINT) AS requests,
    CAST(sum(errors) AS BIGINT) AS errors,
    CAST(sum(tokens_in) AS BIGINT) AS tokens_in,
    CAST(sum(tokens_out) AS BIGINT) AS tokens_out,
    CAST(sum(tokens_cached) AS BIGINT) AS tokens_cached,
    CAST(sum(estimated_count) AS BIGINT) AS estimated_count,
    sum(estimated_correct) AS estimated_correct
FROM prediction_sums
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY model, model_version
