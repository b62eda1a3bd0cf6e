-- Clusters with a holder of a GPU before $end, and no GPU in the inventory.
SELECT DISTINCT cluster
FROM allocations
WHERE start < $end AND NOT starts_with(device, 'volume/') AND NOT starts_with(device, 'load_balancer/')
    AND NOT ends_with(device, '/cpu') AND NOT ends_with(device, '/memory')
    AND cluster NOT IN (SELECT cluster FROM devices WHERE coalesce(resource, 'gpu') IN ('', 'gpu'))
