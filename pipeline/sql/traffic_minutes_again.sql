-- The rows of traffic_minutes of the minutes in `cells` alone, which lie in [$start, $end).
-- Tables passed in: cells(model, minute).
SELECT model, model_version, minute, span_minutes > 1 AS rolled, CAST(sum("count") AS BIGINT) AS "count"
FROM prediction_sums SEMI JOIN cells USING (model, minute)
WHERE minute >= $start AND minute < $end
GROUP BY ALL
