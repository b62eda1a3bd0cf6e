-- The first minute of $metric that the snapshots $first to $last told anything of.
SELECT min(minute) AS since FROM (
    SELECT minute FROM lake.table_insertions('latency_bins', $first, $last) WHERE metric = $metric
    UNION ALL
    SELECT minute FROM lake.table_insertions('latency_counts', $first, $last) WHERE metric = $metric)
