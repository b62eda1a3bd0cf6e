-- All labels of the predictions in `touched`, and whether they were there `before` the snapshot $first.
-- Tables passed in: touched(model, prediction_id).
SELECT model, prediction_id, evaluator, revision, time, label, value, score, snapshot_id < $first AS before
FROM labels SEMI JOIN touched USING (model, prediction_id)
