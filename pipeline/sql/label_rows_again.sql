-- The rows of label_rows of the minutes in `cells` alone, which lie in [$start, $end).
-- Tables passed in: cells(model, minute), limits(model, loss_limit), scored(model, positive_class, by_value).
WITH asked AS (
    SELECT unnest(CAST($models AS VARCHAR[])) AS model
),
ids AS (
    SELECT DISTINCT p.model, prediction_id
    FROM predictions p JOIN cells c ON p.model = c.model AND time_bucket(INTERVAL 1 MINUTE, p.time) = c.minute
    WHERE p.time >= $start AND p.time < $end AND p.model IN (SELECT model FROM asked)
),
-- include judged_of_ids
-- include label_rows_of
SELECT * FROM grouped SEMI JOIN cells USING (model, minute)
