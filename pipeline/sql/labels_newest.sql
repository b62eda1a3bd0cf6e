-- When the newest label, that names a class, a value or a score, was said, of those said in [$since, $now], by version of $model,
-- on predictions made from $start on.  Of evaluators' scores only those of $judges count, where it names any.
WITH words AS (
    SELECT prediction_id, max(time) AS time
    FROM labels
    WHERE model = $model AND time >= $since AND time <= $now
      AND (label <> '' OR value IS NOT NULL
        OR (score IS NOT NULL AND (len($judges) = 0 OR list_contains(CAST($judges AS VARCHAR[]), evaluator))))
    GROUP BY prediction_id
)
SELECT p.model_version, max(w.time) AS newest
FROM predictions p JOIN words w USING (prediction_id)
WHERE p.model = $model AND p.time >= $start
GROUP BY ALL
ORDER BY ALL
