-- What the snapshots $first to $last added to the rows of ending_minutes from $start on.
-- Tables passed in: endings(model, reference, feature, bins).
SELECT
    model, model_version, minute, CAST(sum("count") AS BIGINT) AS "count",
    CAST(coalesce(sum("count") FILTER (list_contains(bins, bin)), 0) AS BIGINT) AS endings
FROM lake.table_insertions('feature_bins', $first, $last) JOIN endings USING (model, reference, feature)
WHERE minute >= $start AND bin <> $missing
GROUP BY model, model_version, minute
