-- Traffic in [$start, $end) by model version and the reference in use then; $model '' is all models.
SELECT model, model_version, reference, CAST(sum("count") AS BIGINT) AS events,
    max(minute + to_minutes(span_minutes)) AS newest
FROM prediction_sums
WHERE minute >= $start AND minute < $end AND ($model = '' OR model = $model)
GROUP BY ALL
ORDER BY ALL
