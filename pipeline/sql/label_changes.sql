-- Minutes from $start on of which a prediction, its label or the traffic is among what the snapshots $first to $last
-- added.
WITH touched AS (
    SELECT model, prediction_id FROM lake.table_insertions('predictions', $first, $last)
    UNION
    SELECT model, prediction_id FROM lake.table_insertions('labels', $first, $last)
)
SELECT DISTINCT model, time_bucket(INTERVAL 1 MINUTE, time) AS minute
FROM predictions SEMI JOIN touched USING (model, prediction_id)
WHERE time >= $start
UNION
SELECT DISTINCT model, minute FROM lake.table_insertions('prediction_sums', $first, $last) WHERE minute >= $start
