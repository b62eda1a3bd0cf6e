-- Predictions of each minute in [$start, $end), also of those without an id; `rolled` where the row is of the hour.
SELECT model, model_version, minute, span_minutes > 1 AS rolled, CAST(sum("count") AS BIGINT) AS "count"
FROM prediction_sums
WHERE minute >= $start AND minute < $end
GROUP BY ALL
