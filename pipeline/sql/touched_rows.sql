-- The rows of label_rows of the predictions in `ids`, of what is passed in of them in the place of the ledger's tables.
-- Tables passed in: ids(model, prediction_id), predictions, labels, limits(model, loss_limit),
-- scored(model, positive_class, by_value).
WITH
-- include judged_of_ids
-- include label_rows_of
SELECT * FROM grouped
