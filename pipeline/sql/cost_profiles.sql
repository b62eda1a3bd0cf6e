-- Everything a price can depend on, of every device there ever was; the bare row of a cluster stands for
-- devices that no inventory lists.  Tables passed in: inventory, seen.
SELECT cluster, provider, region, instance_type, gpu_model,
    CASE WHEN device = root THEN mig_profile ELSE '' END AS mig_profile, capacity_type, resource, os
FROM inventory
UNION
SELECT cluster, '', '', '', '', '', '', '', '' FROM seen
ORDER BY ALL
