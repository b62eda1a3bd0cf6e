-- What of each card a price depends on, from when to when in microseconds; null is open.
-- A card's own rows say when it exists; without them its partitions do, from the first to the last.
-- Table passed in: inventory.
SELECT cluster, root, a, least(b, lead(a) OVER (PARTITION BY cluster, root ORDER BY a)) AS b, node, provider,
    region, instance_type, gpu_model, mig_profile, capacity_type, resource, os, quantity, is_sick,
    least(720720, profile_units) AS capacity
FROM inventory WHERE device = root
UNION ALL
SELECT cluster, root, min(a), CASE WHEN bool_or(b IS NULL) THEN NULL ELSE max(b) END, max(node),
    max(provider), max(region), max(instance_type), max(gpu_model), '', max(capacity_type), '', max(os), 0, false, 720720
FROM inventory AS i
WHERE (cluster, root) NOT IN (SELECT (cluster, device) FROM inventory WHERE device = root)
GROUP BY cluster, root
