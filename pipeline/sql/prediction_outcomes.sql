-- Predictions of $model made in [$start, $end) that have an id, in the order of their time, each with its newest
-- label that names a class, its newest true value, and its newest evaluation score; of several evaluators the
-- newest word counts.
WITH ids AS (
    SELECT DISTINCT prediction_id FROM predictions WHERE model = $model AND time >= $start AND time < $end
),
said AS (
    SELECT prediction_id, time, model_version, prediction, predicted_value, score, confidence, segment
    FROM predictions SEMI JOIN ids USING (prediction_id)
    WHERE model = $model
    QUALIFY row_number() OVER (
        PARTITION BY prediction_id
        ORDER BY revision DESC, time DESC, model_version DESC, prediction DESC,
                 predicted_value DESC, score DESC, confidence DESC, segment DESC) = 1
),
words AS (
    SELECT prediction_id, evaluator, time, label, value, score
    FROM labels SEMI JOIN ids USING (prediction_id)
    WHERE model = $model
    QUALIFY row_number() OVER (
        PARTITION BY prediction_id, evaluator
        ORDER BY revision DESC, time DESC, label DESC, value DESC, score DESC) = 1
),
newest AS (
    SELECT
        prediction_id,
        arg_max(label, (time, evaluator)) FILTER (label <> '') AS label,
        arg_max(value, (time, evaluator)) FILTER (value IS NOT NULL) AS label_value,
        max(time) FILTER (label <> '' OR value IS NOT NULL) AS label_time,
        arg_max(score, (time, evaluator)) FILTER (score IS NOT NULL) AS label_score
    FROM words GROUP BY prediction_id
)
SELECT
    s.time, s.model_version, s.prediction_id, s.prediction, s.predicted_value, s.score, s.confidence,
    coalesce(s.segment, '') AS segment, n.label, n.label_value, n.label_time, n.label_score
FROM said s LEFT JOIN newest n USING (prediction_id)
WHERE s.time >= $start AND s.time < $end
ORDER BY s.time, s.prediction_id
