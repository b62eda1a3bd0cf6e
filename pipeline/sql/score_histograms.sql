-- Histogram of the score by model version in [$start, $end), over the bins of its reference.
SELECT model, model_version, reference, bin, CAST(sum("count") AS BIGINT) AS "count", max(minute + to_minutes(span_minutes - 1)) AS last
FROM score_bins
WHERE minute >= $start AND minute < $end
GROUP BY ALL
