-- Every verdict that was recorded in [$start, $end), tick by tick.
SELECT time, content
FROM findings_merged
WHERE time >= $start AND time < $end
ORDER BY time, detector, model, model_version
