-- Answers by minute in [$start, $end) that say how they ended, and those that ended in one of `bins` of the feature.
-- Tables passed in: endings(model, reference, feature, bins).
SELECT
    model, model_version, minute, CAST(sum("count") AS BIGINT) AS "count",
    CAST(coalesce(sum("count") FILTER (list_contains(bins, bin)), 0) AS BIGINT) AS endings
FROM feature_bins JOIN endings USING (model, reference, feature)
WHERE minute >= $start AND minute < $end AND bin <> $missing
GROUP BY model, model_version, minute
ORDER BY model, model_version, minute
