-- Predictions of $models made in [$start, $end) that have an id, by version and segment: those labelled, and errors among
-- these, as judged_predictions says them.
WITH
-- include judged_predictions
SELECT
    s.model_version, s.segment, count(*) AS predictions, count(error) AS labelled,
    CAST(coalesce(sum(error), 0) AS BIGINT) AS errors
FROM said s LEFT JOIN verdicts v USING (model, prediction_id)
WHERE s.time >= $start AND s.time < $end
GROUP BY ALL
ORDER BY ALL
