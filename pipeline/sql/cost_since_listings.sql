-- Listings that began, of what was told in snapshots $first to $last.  Parameter: begins, the kind of gap that says it.
SELECT count(*) AS listings FROM lake.table_insertions('gaps', $first, $last) WHERE kind = $begins
