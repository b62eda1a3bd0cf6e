-- What became of the minutes of [$start, $end) in the snapshots $first to $last: models that rows were added to, with the
-- first such minute, and '' where any were taken away.
SELECT model, min(minute) AS since FROM lake.table_insertions('feature_bins', $first, $last)
WHERE minute >= $start AND minute < $end
GROUP BY model
UNION ALL
SELECT '', $start WHERE EXISTS (FROM lake.table_deletions('feature_bins', $first, $last))
