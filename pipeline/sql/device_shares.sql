-- Who held which part of which device in [$start, $end), and for how long.
-- Tables passed in: seen(cluster, as_of), inventory as cost_inventory says it.
WITH known AS (
    SELECT cluster, device, arg_max(root, a) AS card, arg_max(gpu_model, a) AS gpu_model,
        arg_max(mig_profile, a) AS mig_profile, arg_max(node, a) AS node
    FROM inventory GROUP BY ALL
),
held AS (
    SELECT a.*, epoch_us(greatest(start, $start)) AS first,
        least(coalesce(epoch_us("end"), s.as_of), s.as_of, epoch_us($end)) AS last
    FROM allocations_merged AS a JOIN seen AS s USING (cluster)
    WHERE NOT coalesce(admin_access, false)
)
SELECT cluster, coalesce(nullif(k.node, ''), h.node, '') AS node, coalesce(k.card, device) AS card, device,
    coalesce(k.gpu_model, '') AS gpu_model, coalesce(k.mig_profile, '') AS mig_profile,
    coalesce(method, '') AS method, coalesce(namespace, '') AS namespace, coalesce(workload, '') AS workload,
    coalesce(pod, '') AS pod, share_units, device_units, make_timestamp(first) AS start, make_timestamp(last) AS "end",
    (last - first) / 3.6e9 AS hours, coalesce(start_quality, '') AS start_quality
FROM held AS h LEFT JOIN known AS k USING (cluster, device)
WHERE last > first
ORDER BY cluster, node, card, device, start, pod
