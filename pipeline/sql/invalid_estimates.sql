-- Since when the estimate of each model version under each reference was found invalid, by the verdicts reached in
-- [$start, $end).
SELECT model, model_version, json_extract_string(content, '$.evidence.reference') AS reference,
    min(coalesce(since, time)) AS since
FROM findings
WHERE detector = 'estimate' AND level = 'invalid' AND time >= $start AND time < $end
GROUP BY ALL
ORDER BY ALL
