-- The ticks of the judge in [$start, $end), or of each hour the newest where $hourly, and whether one of $triggers said act then.
SELECT max(time) AS time, arg_max(trips, time) AS trips
FROM (
    SELECT time, bool_or(level = 'act' AND list_contains($triggers, detector)) AS trips
    FROM findings_merged
    WHERE time >= $start AND time < $end
    GROUP BY time
)
GROUP BY CASE WHEN $hourly THEN date_trunc('hour', time) ELSE time END
ORDER BY time
