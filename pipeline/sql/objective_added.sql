-- What the snapshots $first to $last added to the rows of objective_minutes from $start on, where servers counted nothing.
-- Tables passed in: objectives(model, objective), in seconds.
SELECT
    model, model_version, minute, CAST(sum("count") AS BIGINT) AS "count",
    CAST(coalesce(sum("count") FILTER (bucket > ceil(log2(objective) * pow(2, scale)) - 1), 0) AS BIGINT) AS over
FROM lake.table_insertions('latency_bins', $first, $last) JOIN objectives USING (model)
WHERE metric = $metric AND minute >= $start
GROUP BY model, model_version, minute
