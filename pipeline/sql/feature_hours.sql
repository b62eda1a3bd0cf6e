-- Events of each feature of $models by hour of the week, Monday 00:00 UTC the first (0 to 167), in [$start, $end), by
-- model version and reference.
SELECT
    model, model_version, reference, feature,
    CAST((epoch(date_trunc('hour', minute)) // 3600 + 72) % 168 AS INTEGER) AS hour, CAST(sum("count") AS BIGINT) AS "count"
FROM feature_bins
WHERE minute >= $start AND minute < $end AND list_contains(CAST($models AS VARCHAR[]), model)
GROUP BY ALL
