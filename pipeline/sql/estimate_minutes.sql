-- Labelled predictions of $models made in [$start, $end) that have a class and a score, by minute: whether right, as
-- judged_predictions says it, and what was said of it; `told` is the minute in which the label was said.
-- Tables passed in: scored(model, positive_class, by_value); without a class the score is the confidence in the
-- prediction, and by value the number that was predicted.
WITH
-- include judged_predictions
, rated AS (
    SELECT
        v.model, v.model_version, minute, time_bucket(INTERVAL 1 MINUTE, told) AS told, 1 - error AS "right",
        CASE WHEN c.by_value THEN s.predicted_value WHEN c.positive_class IS NULL THEN s.confidence ELSE s.score END AS score,
        c.positive_class IS NULL OR s.prediction = c.positive_class AS positive
    FROM verdicts v JOIN said s USING (model, prediction_id) JOIN scored c USING (model)
    WHERE s.prediction <> '' OR c.by_value
)
SELECT model, model_version, minute, told, "right", score, positive, count(*) AS "count"
FROM rated WHERE score IS NOT NULL
GROUP BY ALL
ORDER BY model, model_version, minute
