-- How late the labels of $model came, of predictions made in [$start, $end) that have an id: how many by version and
-- place among $bounds_seconds (0 is at most the first bound); no place is a prediction without a label so far.  A
-- prediction's label is as prediction_outcomes says it.
WITH outcomes AS (
-- include prediction_outcomes
)
SELECT
    model_version,
    CASE WHEN label_time IS NOT NULL THEN
        CAST(len(list_filter(CAST($bounds_seconds AS DOUBLE[]), lambda bound: bound < epoch(label_time) - epoch(time))) AS INTEGER)
    END AS place,
    count(*) AS "count"
FROM outcomes
GROUP BY ALL
ORDER BY ALL
