-- Predictions of which the snapshots $first to $last added one or a label.
SELECT model, prediction_id FROM lake.table_insertions('predictions', $first, $last)
UNION
SELECT model, prediction_id FROM lake.table_insertions('labels', $first, $last)
