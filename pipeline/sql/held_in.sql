-- From when to when somebody held a GPU in some clusters, until $end at most where it is held still.
SELECT DISTINCT cluster, start, coalesce("end", $end) AS "end"
FROM allocations_merged
WHERE start < $end AND list_contains($clusters, cluster) AND NOT starts_with(device, 'volume/')
    AND NOT starts_with(device, 'load_balancer/') AND NOT ends_with(device, '/cpu') AND NOT ends_with(device, '/memory')
