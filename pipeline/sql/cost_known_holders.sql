-- All that a rule of ownership can look at, of everyone who ever held a device.  Table passed in: allocations_held.
SELECT DISTINCT cluster, coalesce(namespace, '') AS namespace, coalesce(workload, '') AS workload,
    coalesce(team, '') AS team, coalesce(model, '') AS model,
    coalesce(labels, '') AS labels
FROM allocations_held
ORDER BY ALL
