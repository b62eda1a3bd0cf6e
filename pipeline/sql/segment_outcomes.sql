-- Predictions of $model made in [$start, $end) that have an id, by version and segment: those labelled, and errors among
-- these.  $loss_limit is that of a regression, else null.  Its label, and whether it is wrong, is as prediction_outcomes
-- and accuracy_minutes say it.
WITH outcomes AS (
-- include prediction_outcomes
),
judged AS (
    SELECT
        model_version, segment,
        CASE
            WHEN prediction <> '' AND label <> '' THEN prediction <> label
            WHEN $loss_limit::DOUBLE IS NOT NULL AND abs(predicted_value - label_value) IS NOT NULL
                THEN abs(predicted_value - label_value) > $loss_limit::DOUBLE
            ELSE label_score < 0.5
        END AS wrong
    FROM outcomes
)
SELECT
    model_version, segment, count(*) AS predictions, count(wrong) AS labelled,
    CAST(count(*) FILTER (wrong) AS BIGINT) AS errors
FROM judged
GROUP BY ALL
ORDER BY ALL
