-- Of the usage that was told in snapshots $first to $last: how far it reaches in each cluster, as cost_seen.sql says
-- it, and the days that it is of.
SELECT cluster, epoch_us(min(minute)) AS first, epoch_us(max(minute + to_minutes(span_minutes))) AS as_of,
    list(DISTINCT date_trunc('day', minute)) AS days
FROM lake.table_insertions('gpu_usage', $first, $last)
GROUP BY cluster
