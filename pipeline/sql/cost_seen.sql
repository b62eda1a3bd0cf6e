-- How far each cluster is known, in microseconds: what is still open ends there, not at the wall clock.
SELECT cluster, epoch_us(max(t)) AS as_of
FROM (
    SELECT cluster, max(minute + to_minutes(span_minutes)) AS t FROM gpu_usage WHERE minute >= $span_start GROUP BY 1
    UNION ALL
    SELECT cluster, max(greatest(coalesce(time, start), start)) FROM allocations GROUP BY 1
    UNION ALL
    SELECT cluster, max(greatest(coalesce(time, start), start)) FROM devices GROUP BY 1
)
GROUP BY cluster
