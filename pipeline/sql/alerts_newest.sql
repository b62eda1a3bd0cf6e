-- The newest state of every alert, oldest first.
SELECT alert_id, time, state, detector, model, model_version, level, since, evidence
FROM alerts_merged
ORDER BY time, alert_id
