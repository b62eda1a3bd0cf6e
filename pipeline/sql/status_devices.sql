-- Cards and orphaned partitions by what their price depends on.
SELECT cluster, coalesce(provider, '') AS provider, coalesce(region, '') AS region,
    coalesce(instance_type, '') AS instance_type, coalesce(gpu_model, '') AS gpu_model,
    coalesce(mig_profile, '') AS mig_profile, coalesce(capacity_type, '') AS capacity_type,
    coalesce(nullif(resource, 'gpu'), '') AS resource, coalesce(os, '') AS os,
    count(DISTINCT device) AS rows, min(start) AS first, max(greatest(coalesce(time, start), start)) AS newest
FROM devices_merged
WHERE coalesce(parent_device, '') = ''
GROUP BY ALL
UNION ALL
SELECT cluster, '', '', '', '', '', '', '', '', count(DISTINCT device), min(minute), max(minute + to_minutes(span_minutes))
FROM gpu_usage AS u
WHERE NOT EXISTS (FROM devices AS d WHERE d.cluster = u.cluster AND d.device = u.device)
GROUP BY cluster
ORDER BY ALL
