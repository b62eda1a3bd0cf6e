-- What is uncertain or wrong about the devices in [$start, $end): time whose value is the whole device's although
-- several share it, and devices with errors that may have stopped a workload.
SELECT
    coalesce(sum(seconds) FILTER (kind = 'shared-value'), 0) AS shared_seconds,
    count(DISTINCT (cluster, device)) FILTER (kind IN ('xid', 'ecc-uncorrected')) AS failing_devices
FROM gpu_conditions
WHERE minute >= $start AND minute < $end
