-- Traffic, labels and p95 latency of each model version in steps of $step_minutes from $origin
-- over [$start, $end).
-- Tables passed in: labelled(model, model_version, minute, count, errors), as accuracy_minutes says it.
WITH
-- include counted_latency
, traffic AS (
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version,
        CAST(sum("count") AS BIGINT) AS requests, CAST(sum(errors) AS BIGINT) AS failed
    FROM prediction_sums
    WHERE minute >= $start AND minute < $end
    GROUP BY ALL
),
truth AS (
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version,
        CAST(sum("count") AS BIGINT) AS labelled, CAST(sum(errors) AS BIGINT) AS wrong
    FROM labelled
    GROUP BY ALL
),
bins AS (
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version,
        CASE WHEN bucket = $zero THEN 0 ELSE pow(2, (bucket + 1) * pow(2, -scale)) END AS seconds,
        sum("count") AS n
    FROM latency_bins
    WHERE metric = $metric AND minute >= $start AND minute < $end
    GROUP BY ALL
    UNION ALL
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version,
        CASE WHEN at_most_seconds = 'inf'::DOUBLE THEN above_seconds ELSE at_most_seconds END AS seconds,
        sum("count") AS n
    FROM counted
    GROUP BY ALL
),
ranked AS (
    SELECT *, sum(n) OVER (whole ORDER BY seconds) AS upto, sum(n) OVER whole AS total
    FROM bins
    WINDOW whole AS (PARTITION BY time, model, model_version)
),
slow AS (
    SELECT
        time, model, model_version, CAST(any_value(total) AS BIGINT) AS timed,
        min(seconds) FILTER (upto >= 0.95 * total) AS latency_p95
    FROM ranked
    GROUP BY ALL
)
SELECT time, model, model_version, coalesce(requests, timed) AS requests, failed, labelled, wrong, latency_p95
FROM traffic
LEFT JOIN truth USING (time, model, model_version)
FULL JOIN slow USING (time, model, model_version)
ORDER BY model, model_version, time
