-- Every verdict that was recorded at the ticks $times, tick by tick.
SELECT time, content
FROM findings_merged
WHERE time >= list_min($times) AND time <= list_max($times) AND list_contains($times, time)
ORDER BY time, detector, model, model_version
