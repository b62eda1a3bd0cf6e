-- What became of the minutes of [$start, $end) in the snapshots $first to $last: models that rows were added to, and
-- '' where any were taken away.
SELECT DISTINCT model FROM lake.table_insertions('feature_bins', $first, $last)
WHERE minute >= $start AND minute < $end
UNION
SELECT '' FROM lake.table_deletions('feature_bins', $first, $last)
