-- The newest level of each detector on each model version, of the verdicts reached in [$start, $end).
SELECT model, model_version, detector, arg_max(level, (time, snapshot, level)) AS level,
    arg_max(since, (time, snapshot, level)) FILTER (since IS NOT NULL) AS since, max(time) AS time,
    arg_max(coalesce(content ->> '$.evidence.culprits', ''), (time, snapshot, level)) AS culprits
FROM findings
WHERE time >= $start AND time < $end
GROUP BY ALL
ORDER BY model, model_version, detector
