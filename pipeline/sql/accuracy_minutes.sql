-- Minutes of $models with traffic in [$start, $end): predictions, those labelled, and errors among these.
-- A label counts in the minute of its prediction, however late it came.  A prediction is right if its label
-- is the predicted class; of a regression, if it is at most loss_limit off; without either, if its score is at
-- least one half.  Of several evaluators the newest word counts;
-- of the models in $strict only scores by those in $judges (model, unit separator, evaluator).  Where traffic is rolled up, a row is of the hour.  Keys are cut to the window first, so that old predictions cost only a scan.
-- Tables passed in: limits(model, loss_limit), of the regressions.
WITH asked AS (
    SELECT unnest(CAST($models AS VARCHAR[])) AS model
),
ids AS (
    SELECT DISTINCT model, prediction_id FROM predictions SEMI JOIN asked USING (model)
    WHERE time >= $start AND time < $end
),
said AS (
    SELECT model, prediction_id, time, model_version, prediction, predicted_value
    FROM predictions SEMI JOIN ids USING (model, prediction_id)
    QUALIFY row_number() OVER (
        PARTITION BY model, prediction_id
        ORDER BY revision DESC, time DESC, model_version DESC, prediction DESC,
                 predicted_value DESC, score DESC, confidence DESC) = 1
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
        s.model, s.model_version, time_bucket(INTERVAL 1 MINUTE, s.time) AS minute,
        arg_max(CASE
            WHEN s.prediction <> '' AND w.label <> '' THEN CAST(s.prediction <> w.label AS BIGINT)
            WHEN abs(s.predicted_value - w.value) IS NOT NULL AND r.loss_limit IS NOT NULL
                THEN CAST(abs(s.predicted_value - w.value) > r.loss_limit AS BIGINT)
            ELSE CAST(w.score < 0.5 AS BIGINT) END, (w.time, w.evaluator)) AS error
    FROM said s JOIN words w USING (model, prediction_id) LEFT JOIN limits r USING (model)
    WHERE s.time >= $start AND s.time < $end
      AND ((s.prediction <> '' AND w.label <> '')
        OR (abs(s.predicted_value - w.value) IS NOT NULL AND r.loss_limit IS NOT NULL)
        OR (w.score IS NOT NULL AND (
          NOT list_contains(CAST($strict AS VARCHAR[]), s.model)
          OR list_contains(CAST($judges AS VARCHAR[]), s.model || chr(31) || w.evaluator))))
    GROUP BY s.model, s.prediction_id, s.model_version, minute
),
seen AS (
    SELECT model, model_version, minute, span_minutes, "count"
    FROM prediction_sums SEMI JOIN asked USING (model)
    WHERE minute >= $start AND minute < $end
),
rolled AS (
    SELECT DISTINCT model, model_version, date_trunc('hour', minute) AS hour FROM seen WHERE span_minutes > 1
),
labelled AS (
    SELECT v.model, v.model_version, coalesce(r.hour, v.minute) AS minute,
        count(*) AS "count", CAST(sum(error) AS BIGINT) AS errors
    FROM verdicts v
    LEFT JOIN rolled r ON r.model = v.model AND r.model_version = v.model_version AND r.hour = date_trunc('hour', v.minute)
    GROUP BY ALL
),
traffic AS (
    SELECT s.model, s.model_version, coalesce(r.hour, s.minute) AS minute, CAST(sum("count") AS BIGINT) AS predictions
    FROM seen s
    LEFT JOIN rolled r ON r.model = s.model AND r.model_version = s.model_version AND r.hour = date_trunc('hour', s.minute)
    GROUP BY ALL
)
SELECT t.model, t.model_version, t.minute, t.predictions, coalesce(l."count", 0) AS "count", coalesce(l.errors, 0) AS errors
FROM traffic t LEFT JOIN labelled l USING (model, model_version, minute)
ORDER BY t.model, t.model_version, t.minute
