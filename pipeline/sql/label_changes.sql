-- Minutes from $start on of which a prediction is `touched`, or the traffic is among what the snapshots $first to
-- $last added.
-- Tables passed in: touched(model, prediction_id), which are few: whoever sees their number looks them up in the ledger,
-- and not the ledger in them.
SELECT DISTINCT model, time_bucket(INTERVAL 1 MINUTE, time) AS minute
FROM predictions SEMI JOIN touched USING (model, prediction_id)
WHERE time >= $start
UNION
SELECT DISTINCT model, minute FROM lake.table_insertions('prediction_sums', $first, $last) WHERE minute >= $start
