-- Evaluation scores of predictions made in [$start, $end) as histograms by evaluator, by the minute of the prediction:
-- bin i holds scores over i tenths up to i + 1, and 0 those of zero.  Of one evaluator the highest revision counts.
WITH asked AS (
    SELECT unnest(CAST($models AS VARCHAR[])) AS model
),
ids AS (
    SELECT DISTINCT model, prediction_id FROM predictions SEMI JOIN asked USING (model)
    WHERE time >= $start AND time < $end
),
said AS (
    SELECT model, prediction_id, time, model_version
    FROM predictions SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id
        ORDER BY revision DESC, time DESC, model_version DESC, prediction DESC,
                 predicted_value DESC, score DESC, confidence DESC) = 1
),
words AS (
    SELECT model, prediction_id, evaluator, score
    FROM labels SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id, evaluator
        ORDER BY revision DESC, time DESC, label DESC, value DESC, score DESC) = 1
)
SELECT
    s.model, s.model_version, time_bucket(INTERVAL 1 MINUTE, s.time) AS minute, w.evaluator AS feature,
    CAST(greatest(ceil(w.score * 10) - 1, 0) AS INTEGER) AS bin, count(*) AS "count"
FROM said s JOIN words w USING (model, prediction_id)
WHERE s.time >= $start AND s.time < $end AND w.score IS NOT NULL
GROUP BY ALL
ORDER BY model, model_version, minute
