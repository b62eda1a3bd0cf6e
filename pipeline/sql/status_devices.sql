-- Cards by what their price depends on; of a card that is known by its partitions alone, by what these say of it.
WITH told AS (SELECT *, coalesce(nullif(parent_device, ''), device) AS card FROM devices_merged)
SELECT cluster, coalesce(provider, '') AS provider, coalesce(region, '') AS region,
    coalesce(instance_type, '') AS instance_type, coalesce(gpu_model, '') AS gpu_model,
    CASE WHEN device = card THEN coalesce(mig_profile, '') ELSE '' END AS mig_profile,
    coalesce(capacity_type, '') AS capacity_type, coalesce(nullif(resource, 'gpu'), '') AS resource, coalesce(os, '') AS os,
    count(DISTINCT card) AS rows, min(start) AS first, max(greatest(coalesce(time, start), start)) AS newest
FROM told AS t
WHERE device = card
    OR NOT EXISTS (FROM devices AS d WHERE d.cluster = t.cluster AND d.device = t.card)
GROUP BY ALL
UNION ALL
SELECT cluster, '', '', '', '', '', '', '', '', count(DISTINCT device), min(minute), max(minute + to_minutes(span_minutes))
FROM gpu_usage AS u
WHERE NOT EXISTS (FROM devices AS d WHERE d.cluster = u.cluster AND d.device = u.device)
GROUP BY cluster
ORDER BY ALL
