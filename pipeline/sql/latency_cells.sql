-- Buckets of every measured time in [$start, $end), by model version: for those who merge histograms elsewhere.
-- A bucket of servers' histograms has bounds in seconds instead of a scale; $metric is the time that is asked for.
WITH
-- include counted_latency
SELECT
    model, model_version, scale, bucket, NULL::DOUBLE AS above_seconds, NULL::DOUBLE AS at_most_seconds,
    NULL::BOOLEAN AS exponential, CAST(sum("count") AS BIGINT) AS "count"
FROM latency_bins
WHERE metric = $metric AND minute >= $start AND minute < $end
GROUP BY ALL
UNION ALL
SELECT
    model, model_version, NULL, NULL, above_seconds, at_most_seconds,
    contains(histogram, 'exponential') OR contains(histogram, 'native'), CAST(sum("count") AS BIGINT)
FROM counted
GROUP BY ALL
ORDER BY ALL
