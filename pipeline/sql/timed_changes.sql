-- The first minute of $metric that the snapshots $first to $last told anything of, and whether servers' histograms are
-- there at all, of which what counts hangs on the hours around.
SELECT
    (SELECT min(minute) FROM (
        SELECT minute FROM lake.table_insertions('latency_bins', $first, $last) WHERE metric = $metric
        UNION ALL
        SELECT minute FROM lake.table_insertions('latency_counts', $first, $last) WHERE metric = $metric)) AS since,
    EXISTS (FROM latency_counts WHERE metric = $metric) AS is_counted
