-- The first minute of which the snapshots $first to $last told how answers ended.
-- Tables passed in: endings(model, reference, feature, bins).
SELECT min(minute) AS since
FROM lake.table_insertions('feature_bins', $first, $last) SEMI JOIN endings USING (model, reference, feature)
