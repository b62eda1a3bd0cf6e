-- All that was said of the predictions in `touched`, and whether it was `before` the snapshot $first.
-- Tables passed in: touched(model, prediction_id).
SELECT model, prediction_id, revision, time, model_version, prediction, predicted_value, score, confidence, segment,
    snapshot_id < $first AS before
FROM predictions SEMI JOIN touched USING (model, prediction_id)
