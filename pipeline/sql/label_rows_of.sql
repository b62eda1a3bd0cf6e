-- CTE `grouped`: the verdicts of judged_predictions as label_rows says them.
, rated AS (
    SELECT
        v.model, v.model_version, minute, s.segment, error,
        CASE WHEN c.by_value THEN s.predicted_value
            WHEN s.prediction = '' OR c.model IS NULL THEN NULL
            WHEN c.positive_class IS NULL THEN s.confidence ELSE s.score END AS score,
        c.positive_class IS NULL OR s.prediction = c.positive_class AS positive,
        time_bucket(INTERVAL 1 MINUTE, told) AS told
    FROM verdicts v JOIN said s USING (model, prediction_id) LEFT JOIN scored c USING (model)
),
grouped AS (
    SELECT
        model, model_version, minute, segment, error, score,
        score IS NOT NULL AND positive AS positive,
        CASE WHEN score IS NOT NULL THEN told END AS told,
        count(*) AS "count"
    FROM rated
    GROUP BY ALL
)
