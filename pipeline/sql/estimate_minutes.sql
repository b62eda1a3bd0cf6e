-- Labelled predictions made in [$start, $end) that have a score, by minute: whether right, and what was said of it;
-- `told` is the minute in which the label was said.
-- Whether one is right is as accuracy_minutes says it.
-- Tables passed in: scored(model, positive_class); without a class the score is the confidence in the prediction.
WITH ids AS (
    SELECT DISTINCT model, prediction_id FROM predictions SEMI JOIN scored USING (model)
    WHERE time >= $start AND time < $end
),
said AS (
    SELECT model, prediction_id, time, model_version, prediction, score, confidence
    FROM predictions SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id
        ORDER BY revision DESC, time DESC, model_version DESC, prediction DESC,
                 predicted_value DESC, score DESC, confidence DESC) = 1
),
words AS (
    SELECT model, prediction_id, evaluator, time, label, score
    FROM labels SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id, evaluator
        ORDER BY revision DESC, time DESC, label DESC, value DESC, score DESC) = 1
),
verdicts AS (
    SELECT
        s.model, s.model_version, time_bucket(INTERVAL 1 MINUTE, s.time) AS minute,
        CASE WHEN c.positive_class IS NULL THEN s.confidence ELSE s.score END AS score,
        c.positive_class IS NULL OR s.prediction = c.positive_class AS positive,
        arg_max(CASE
            WHEN s.prediction <> '' AND w.label <> '' THEN CAST(s.prediction = w.label AS BIGINT)
            ELSE CAST(w.score >= 0.5 AS BIGINT) END, (w.time, w.evaluator)) AS "right",
        time_bucket(INTERVAL 1 MINUTE, max(w.time)) AS told
    FROM said s JOIN words w USING (model, prediction_id) JOIN scored c USING (model)
    WHERE s.time >= $start AND s.time < $end AND s.prediction <> ''
      AND (w.label <> '' OR w.score IS NOT NULL)
    GROUP BY s.prediction_id, s.model, s.model_version, minute, 4, 5
)
SELECT model, model_version, minute, told, "right", score, positive, count(*) AS "count"
FROM verdicts WHERE score IS NOT NULL
GROUP BY ALL
ORDER BY model, model_version, minute
