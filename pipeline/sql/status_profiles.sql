-- Partitions of cards by the profile that says how large they are.
SELECT cluster, coalesce(mig_profile, '') AS mig_profile, count(DISTINCT device) AS devices, min(device) AS example
FROM devices_merged
WHERE coalesce(parent_device, '') NOT IN ('', device)
GROUP BY ALL
ORDER BY ALL
