-- Minutes in [$start, $end) of models with an objective: timed requests, and those in a bucket above the one that
-- holds it; `astride` are those in that bucket, which lie on either side of it.  Bucket i of a
-- scale covers (base^i, base^(i+1)], base = 2^(2^-scale).
-- Tables passed in: objectives(model, objective), in seconds.
WITH
-- include counted_latency
, minutes AS (
    SELECT
        model, model_version, minute, sum("count") AS "count",
        sum("count") FILTER (bucket > ceil(log2(objective) * pow(2, scale)) - 1) AS over,
        sum("count") FILTER (
            bucket = ceil(log2(objective) * pow(2, scale)) - 1
            AND log2(objective) * pow(2, scale) <> ceil(log2(objective) * pow(2, scale))) AS astride
    FROM latency_bins JOIN objectives USING (model)
    WHERE metric = $metric AND minute >= $start AND minute < $end
    GROUP BY model, model_version, minute
    UNION ALL
    SELECT
        model, model_version, minute, sum("count"),
        sum("count") FILTER (above_seconds >= objective),
        sum("count") FILTER (above_seconds < objective AND at_most_seconds > objective)
    FROM counted JOIN objectives USING (model)
    GROUP BY model, model_version, minute
)
SELECT
    model, model_version, minute, CAST(sum("count") AS BIGINT) AS "count",
    CAST(coalesce(sum(over), 0) AS BIGINT) AS over, CAST(coalesce(sum(astride), 0) AS BIGINT) AS astride
FROM minutes
GROUP BY model, model_version, minute
ORDER BY model, model_version, minute
