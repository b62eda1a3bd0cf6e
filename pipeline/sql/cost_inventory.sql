-- Every version of every device; `root` is the physical card of a partition, itself otherwise.  The resource '' is
-- a GPU; the quantity is in millicores or bytes.
SELECT cluster, device, coalesce(nullif(parent_device, ''), device) AS root, epoch_us(start) AS a,
    epoch_us("end") AS b, coalesce(node, '') AS node, coalesce(provider, '') AS provider,
    coalesce(region, '') AS region, coalesce(instance_type, '') AS instance_type,
    coalesce(gpu_model, '') AS gpu_model, coalesce(mig_profile, '') AS mig_profile,
    coalesce(capacity_type, '') AS capacity_type, coalesce(os, '') AS os,
    coalesce(nullif(resource, 'gpu'), '') AS resource, coalesce(quantity, 0) AS quantity, coalesce(health, 'healthy') <> 'healthy' AS is_sick
FROM devices_merged
