-- Usage of [$start, $end) with each device's minutes of an hour as one stretch, in the columns of gpu_usage.
SELECT
    min(minute) AS minute, cluster, any_value(node) AS node, device,
    CAST(sum(observed_seconds) AS DECIMAL(18, 6)) AS observed_seconds,
    CAST(sum(busy_seconds) AS DECIMAL(18, 6)) AS busy_seconds,
    CAST(sum(active_seconds) AS DECIMAL(18, 6)) AS active_seconds,
    CAST(sum(idle_held_seconds) AS DECIMAL(18, 6)) AS idle_held_seconds,
    CAST(date_diff('minute', min(minute), max(minute + to_minutes(span_minutes))) AS INTEGER) AS span_minutes
FROM gpu_usage
WHERE minute >= $start AND minute < $end
GROUP BY cluster, device, date_trunc('hour', minute)
