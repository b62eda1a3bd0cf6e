-- The newest level of each detector on each model version, of the verdicts on minutes that end in [$start, $end]: one that
-- is reached as the window ends speaks of the window.
SELECT model, model_version, detector, arg_max(level, (time, snapshot, level)) AS level,
    arg_max(since, (time, snapshot, level)) FILTER (since IS NOT NULL) AS since, max(time) AS time,
    coalesce(arg_max(content, (time, snapshot, level)) ->> '$.evidence.culprits', '') AS culprits
FROM findings
WHERE time >= $start AND date_trunc('minute', time) <= $end
GROUP BY ALL
ORDER BY model, model_version, detector
