-- CTEs `said` and `verdicts` of the predictions whose keys are in `ids`, as judged_predictions says them.
said AS (
    SELECT model, prediction_id, time, model_version, prediction, predicted_value, score, confidence,
        coalesce(segment, '') AS segment
    FROM predictions SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id
        ORDER BY revision DESC, time DESC, model_version DESC, prediction DESC,
                 predicted_value DESC, score DESC, confidence DESC, segment DESC) = 1
),
words AS (
    SELECT model, prediction_id, evaluator, time, label, value, score
    FROM labels SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id, evaluator
        ORDER BY revision DESC, time DESC, label DESC, value DESC, score DESC) = 1
),
verdicts AS (
    SELECT
        s.model, s.prediction_id, s.model_version, time_bucket(INTERVAL 1 MINUTE, s.time) AS minute,
        arg_max(CASE
            WHEN s.prediction <> '' AND w.label <> '' THEN CAST(s.prediction <> w.label AS BIGINT)
            WHEN abs(s.predicted_value - w.value) IS NOT NULL AND r.loss_limit IS NOT NULL
                THEN CAST(abs(s.predicted_value - w.value) > r.loss_limit AS BIGINT)
            ELSE CAST(w.score < 0.5 AS BIGINT) END, (w.time, w.evaluator)) AS error,
        max(w.time) AS told
    FROM said s JOIN words w USING (model, prediction_id) LEFT JOIN limits r USING (model)
    WHERE s.time >= $start AND s.time < $end
      AND ((s.prediction <> '' AND w.label <> '')
        OR (abs(s.predicted_value - w.value) IS NOT NULL AND r.loss_limit IS NOT NULL)
        OR (w.score IS NOT NULL AND (
          NOT list_contains(CAST($strict AS VARCHAR[]), s.model)
          OR list_contains(CAST($judges AS VARCHAR[]), s.model || chr(31) || w.evaluator))))
    GROUP BY ALL
)
