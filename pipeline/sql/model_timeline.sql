-- Traffic, labels, estimated accuracy and p95 latency of each model version in steps of $step_minutes from $origin over
-- [$start, $end).  What a bucket is worth, and where in it the 95th percentile lies, is as latency_quantiles says it.
-- estimate_level is the newest verdict on the estimate by the end of the step, none from a day before $start or older.
-- Tables passed in: labelled(model, model_version, minute, count, errors), as accuracy_minutes says it; and used(model,
-- reference), whose estimates alone count.
WITH
-- include counted_latency
, traffic AS (
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version,
        CAST(sum("count") AS BIGINT) AS requests, CAST(sum(errors) AS BIGINT) AS failed,
        CAST(sum(estimated_count) FILTER (known) AS BIGINT) AS estimated_count,
        sum(estimated_correct) FILTER (known) AS estimated_correct
    FROM (SELECT s.*, s.reference IS NOT DISTINCT FROM coalesce(u.reference, s.reference) AS known
          FROM prediction_sums s LEFT JOIN used u USING (model))
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
audited AS (
    SELECT model, model_version, time AS audited, arg_max(level, (snapshot, level)) AS estimate_level
    FROM findings WHERE detector = $estimate AND time >= $start::TIMESTAMP - INTERVAL 1 DAY AND time < $end
    GROUP BY ALL
),
parts AS (
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version, 'requests' AS source,
        CASE WHEN bucket = $zero THEN 0 ELSE pow(2, bucket * pow(2, -scale)) END AS low,
        CASE WHEN bucket = $zero THEN 0 ELSE pow(2, (bucket + 1) * pow(2, -scale)) END AS high,
        sum("count") AS n
    FROM latency_bins
    WHERE metric = $metric AND minute >= $start AND minute < $end
    GROUP BY ALL
    UNION ALL
    SELECT
        time_bucket(to_minutes($step_minutes), minute, $origin) AS time, model, model_version, histogram,
        above_seconds, at_most_seconds, sum("count")
    FROM counted
    GROUP BY ALL
),
-- include valued_buckets
, ranked AS (
    SELECT
        time, model, model_version, n, first, last,
        sum(n) OVER (whole ORDER BY last, low, source ROWS UNBOUNDED PRECEDING) AS upto,
        sum(n) OVER whole AS total
    FROM valued
    WINDOW whole AS (PARTITION BY time, model, model_version)
),
slow AS (
    SELECT
        time, model, model_version, CAST(any_value(total) AS BIGINT) AS timed,
        arg_min(first + (last - first) * (0.95 * total - (upto - n)) / n, upto) FILTER (upto >= 0.95 * total) AS latency_p95
    FROM ranked
    GROUP BY ALL
),
steps AS (
    SELECT *
    FROM traffic
    LEFT JOIN truth USING (time, model, model_version)
    FULL JOIN slow USING (time, model, model_version)
)
SELECT
    s.time, s.model, s.model_version, coalesce(requests, timed) AS requests, failed, labelled, wrong, latency_p95,
    estimated_count, estimated_correct, a.estimate_level
FROM steps s
ASOF LEFT JOIN audited a
    ON s.model = a.model AND s.model_version = a.model_version
    AND s.time + to_minutes($step_minutes) >= a.audited
ORDER BY s.model, s.model_version, s.time
