-- How far each cluster is known, in microseconds: what is still open ends there, not at the wall clock.
-- Usage before span_start is not looked at.
SELECT cluster, epoch_us(min(first)) AS first, epoch_us(max(last)) AS as_of
FROM (
    SELECT cluster, min(minute) AS first, max(minute + to_minutes(span_minutes)) AS last
    FROM gpu_usage WHERE minute >= $span_start GROUP BY 1
    UNION ALL
    SELECT cluster, min(start), max(greatest(coalesce(time, start), start)) FROM allocations GROUP BY 1
    UNION ALL
    SELECT cluster, min(start), max(greatest(coalesce(time, start), start)) FROM devices GROUP BY 1
)
GROUP BY cluster
