-- Everything a price can depend on, of every device there ever was; the bare row of a cluster stands for
-- devices that no inventory lists.
SELECT DISTINCT cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource
FROM (
    SELECT cluster, coalesce(provider, '') AS provider, coalesce(region, '') AS region,
        coalesce(instance_type, '') AS instance_type, coalesce(gpu_model, '') AS gpu_model,
        CASE WHEN coalesce(parent_device, '') = '' THEN coalesce(mig_profile, '') ELSE '' END AS mig_profile,
        coalesce(capacity_type, '') AS capacity_type, coalesce(nullif(resource, 'gpu'), '') AS resource
    FROM devices
    UNION ALL
    SELECT DISTINCT cluster, '', '', '', '', '', '', '' FROM gpu_usage
    UNION ALL
    SELECT DISTINCT cluster, '', '', '', '', '', '', '' FROM allocations
    UNION ALL
    SELECT DISTINCT cluster, '', '', '', '', '', '', '' FROM devices
)
ORDER BY ALL
