-- CTEs `said` and `verdicts`: the predictions of $models that have an id, as they were said last, and whether those in
-- [$start, $end) that are labelled are an error.  A prediction is right if its label is the predicted class; of a
-- regression, if it is at most loss_limit off; without either, if its score is at least one half.  Of several evaluators
-- the newest word counts; of the models in $strict only scores by those in $judges (model, unit separator, evaluator).
-- `told` is when the newest of the words that count was said.  Keys are cut to the window first, so that old predictions
-- cost only a scan; `said` holds too those that were said again for a time outside of it.
-- Tables passed in: limits(model, loss_limit), of the regressions.
asked AS (
    SELECT unnest(CAST($models AS VARCHAR[])) AS model
),
ids AS (
    SELECT DISTINCT model, prediction_id FROM predictions SEMI JOIN asked USING (model)
    WHERE time >= $start AND time < $end
),
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
