-- Minutes of $model with traffic in [$start, $end): predictions, those labelled, and errors among these.
-- A label counts in the minute of its prediction, however late it came.  A prediction is right if its label
-- is the predicted class; without classes, if its score is at least one half.  Of several evaluators the
-- newest word counts.  Where traffic is rolled up, a row is of the hour.  Keys are cut to the window first, so that old predictions cost only a scan.
WITH ids AS (
    SELECT DISTINCT prediction_id FROM predictions WHERE model = $model AND time >= $start AND time < $end
),
said AS (
    SELECT prediction_id, time, model_version, prediction
    FROM predictions SEMI JOIN ids USING (prediction_id)
    WHERE model = $model
    QUALIFY row_number() OVER (
        PARTITION BY prediction_id
        ORDER BY revision DESC, time DESC, model_version DESC, prediction DESC,
                 predicted_value DESC, score DESC, confidence DESC) = 1
),
words AS (
    SELECT prediction_id, evaluator, time, label, score
    FROM labels SEMI JOIN ids USING (prediction_id)
    WHERE model = $model
    QUALIFY row_number() OVER (
        PARTITION BY prediction_id, evaluator
        ORDER BY revision DESC, time DESC, label DESC, value DESC, score DESC) = 1
),
verdicts AS (
    SELECT
        s.model_version, time_bucket(INTERVAL 1 MINUTE, s.time) AS minute,
        arg_max(CASE
            WHEN s.prediction <> '' AND w.label <> '' THEN CAST(s.prediction <> w.label AS BIGINT)
            ELSE CAST(w.score < 0.5 AS BIGINT) END, (w.time, w.evaluator)) AS error
    FROM said s JOIN words w USING (prediction_id)
    WHERE s.time >= $start AND s.time < $end
      AND ((s.prediction <> '' AND w.label <> '') OR w.score IS NOT NULL)
    GROUP BY s.prediction_id, s.model_version, minute
),
seen AS (
    SELECT model_version, minute, span_minutes, "count"
    FROM prediction_sums
    WHERE model = $model AND minute >= $start AND minute < $end
),
rolled AS (
    SELECT DISTINCT model_version, date_trunc('hour', minute) AS hour FROM seen WHERE span_minutes > 1
),
labelled AS (
    SELECT v.model_version, coalesce(r.hour, v.minute) AS minute,
        count(*) AS "count", CAST(sum(error) AS BIGINT) AS errors
    FROM verdicts v
    LEFT JOIN rolled r ON r.model_version = v.model_version AND r.hour = date_trunc('hour', v.minute)
    GROUP BY ALL
),
traffic AS (
    SELECT s.model_version, coalesce(r.hour, s.minute) AS minute, CAST(sum("count") AS BIGINT) AS predictions
    FROM seen s
    LEFT JOIN rolled r ON r.model_version = s.model_version AND r.hour = date_trunc('hour', s.minute)
    GROUP BY ALL
)
SELECT t.model_version, t.minute, t.predictions, coalesce(l."count", 0) AS "count", coalesce(l.errors, 0) AS errors
FROM traffic t LEFT JOIN labelled l USING (model_version, minute)
ORDER BY t.model_version, t.minute
