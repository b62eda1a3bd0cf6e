-- The days of what was told in snapshots $first to $last of the work of processes.
SELECT DISTINCT date_trunc('day', minute) AS day FROM lake.table_insertions('process_usage', $first, $last)
