-- Model versions with traffic in [$start, $end).
SELECT model, model_version, min(minute) AS first, max(minute + to_minutes(span_minutes - 1)) AS last, CAST(sum("count") AS BIGINT) AS "count"
FROM prediction_sums
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY model, model_version
