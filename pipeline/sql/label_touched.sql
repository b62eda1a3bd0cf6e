-- Predictions of $models of which the snapshots $first to $last added one or a label.
WITH asked AS (
    SELECT unnest(CAST($models AS VARCHAR[])) AS model
)
SELECT model, prediction_id FROM lake.table_insertions('predictions', $first, $last) SEMI JOIN asked USING (model)
UNION
SELECT model, prediction_id FROM lake.table_insertions('labels', $first, $last) SEMI JOIN asked USING (model)
