-- Histograms by minute in [$start, $end) of the versions and features that are asked for.
-- Rows are partial and in no order: whoever reads them adds integers, which gives the same sums in any order.
-- Tables passed in: versions(model, model_version, reference, version), features(reference, feature, place); version
-- and place are numbers that stand for the texts.
SELECT version, minute, place, bin, "count"
FROM feature_bins
JOIN versions USING (model, model_version, reference)
JOIN features USING (reference, feature)
WHERE minute >= $start AND minute < $end
