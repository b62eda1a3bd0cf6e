-- Buckets of every measured time in [$start, $end), by model version: for those who merge histograms elsewhere.
SELECT model, model_version, metric, scale, bucket, CAST(sum("count") AS BIGINT) AS "count"
FROM latency_bins
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY ALL
