-- All that a rule of ownership can look at, of everyone who ever held a device.
SELECT DISTINCT cluster, coalesce(namespace, '') AS namespace, coalesce(workload, '') AS workload,
    coalesce(team, '') AS team, coalesce(model, '') AS model,
    coalesce(labels, '') AS labels
FROM allocations_merged
ORDER BY ALL
