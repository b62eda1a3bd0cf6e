-- What the sources of predictions and labels in $cluster are known to have missed in [$start, $end); the broker's logs are of
-- every cluster, and name none.
WITH
-- include serving_losses
SELECT source, kind, coalesce(CAST(lost AS VARCHAR), 'an unknown number of') AS lost
FROM missed
WHERE cluster IN ('', $cluster)
ORDER BY source, kind, start
