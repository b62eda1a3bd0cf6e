-- Every version of every device; `root` is the physical card of a partition, itself otherwise.
-- A partition without units of its own has the compute slices of its MIG profile: 7 a card, 4 of some models.
SELECT cluster, device, coalesce(nullif(parent_device, ''), device) AS root, epoch_us(start) AS a,
    epoch_us("end") AS b, coalesce(node, '') AS node, coalesce(provider, '') AS provider,
    coalesce(region, '') AS region, coalesce(instance_type, '') AS instance_type,
    coalesce(gpu_model, '') AS gpu_model, coalesce(mig_profile, '') AS mig_profile,
    coalesce(capacity_type, '') AS capacity_type,
    CASE WHEN coalesce(mig_profile, '') = '' THEN 720720
        ELSE 720720 * coalesce(try_cast(nullif(regexp_extract(mig_profile, '(\d+)g\.', 1), '') AS BIGINT), 1)
            // CASE WHEN gpu_model LIKE '%A30%' OR gpu_model LIKE '%RTX PRO 6000%' THEN 4 ELSE 7 END
    END AS profile_units
FROM devices_merged
