-- The newest finding of $detector on each version of $model, of those on minutes that end in [$start, $end].
SELECT model_version, arg_max(content, (time, snapshot, content)) AS content
FROM findings
WHERE detector = $detector AND model = $model AND time >= $start AND date_trunc('minute', time) <= $end
GROUP BY model_version
ORDER BY model_version
