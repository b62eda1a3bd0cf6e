-- The rows of traffic_minutes from $start on that the snapshots $first to $last added.
SELECT model, model_version, minute, span_minutes > 1 AS rolled, CAST(sum("count") AS BIGINT) AS "count"
FROM lake.table_insertions('prediction_sums', $first, $last)
WHERE minute >= $start
GROUP BY ALL
