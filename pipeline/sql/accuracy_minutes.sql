-- Minutes of $models with traffic in [$start, $end): predictions, those labelled, and errors among these, as
-- judged_predictions says them.  A label counts in the minute of its prediction, however late it came.  Where traffic is
-- rolled up, a row is of the hour.
WITH
-- include judged_predictions
, seen AS (
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
