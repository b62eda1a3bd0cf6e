-- Metered energy of each card and day in [$start, $end), in microjoules, with where the card stands.
-- Tables passed in: inventory, as cost_inventory says it.
WITH place AS (
    SELECT cluster, device, arg_max(root, a) AS card, arg_max(provider, a) AS provider, arg_max(region, a) AS region
    FROM inventory
    GROUP BY ALL
)
SELECT u.cluster, coalesce(p.card, u.device) AS device, date_trunc('day', minute) AS day,
    coalesce(max(p.provider), '') AS provider, coalesce(max(p.region), '') AS region,
    CAST(sum(energy_joules) * 1000000 AS BIGINT) AS microjoules, max(minute + to_minutes(span_minutes)) AS last
FROM gpu_usage AS u LEFT JOIN place AS p ON p.cluster = u.cluster AND p.device = u.device
WHERE minute >= $start AND minute < $end
GROUP BY u.cluster, coalesce(p.card, u.device), date_trunc('day', minute)
ORDER BY ALL
