-- Who holds what share of which card.  A share is of the physical card; one without units, or a whole of a
-- partition, is the partition.  An interval in which its owner changes is one for each.
-- Tables passed in: allocations_held, seen, inventory, owners(cluster ... labels, a, b, owner, cost_centre, environment).
-- Parameter: shared_namespaces, as patterns.
WITH
known AS MATERIALIZED (
    SELECT cluster, device, arg_max(root, a) AS root, least(720720, max(profile_units)) AS profile_units
    FROM inventory GROUP BY ALL
)
SELECT row_number() OVER (
        ORDER BY h.cluster, h.device, h.start, consumer_uid, container, share_id, claim_uid, o.a
    ) AS holder,
    h.cluster, h.device, coalesce(k.root, h.device) AS root, greatest(h.a, o.a) AS a, least(h.b, o.b) AS b, h.node,
    h.namespace, coalesce(pod, '') AS pod, h.workload, o.owner AS team, o.cost_centre, o.environment, h.model,
    coalesce(model_version, '') AS model_version, h.labels,
    coalesce(container, '') AS container, k.root IS NULL AS unlisted,
    CASE WHEN coalesce(device_units, 0) <= 0 OR share_units IS NULL
            OR (share_units >= device_units AND k.root <> h.device)
        THEN coalesce(k.profile_units, 720720)::HUGEINT * 1000000
        -- more than the device is scaled to it, and said; a thousand of it is as wrong as more
        ELSE 720720::HUGEINT * 1000000 * least(share_units, 1000 * device_units::HUGEINT) // device_units
    END::BIGINT AS raw,
    list_bool_or(list_transform($shared_namespaces, lambda p: h.namespace GLOB p)) AS is_shared
FROM (
    SELECT * REPLACE (coalesce(node, '') AS node, coalesce(namespace, '') AS namespace,
            coalesce(workload, '') AS workload, coalesce(team, '') AS team, coalesce(model, '') AS model,
            coalesce(labels, '') AS labels),
        epoch_us(start) AS a, least(coalesce(epoch_us("end"), s.as_of), s.as_of) AS b
    FROM allocations_held JOIN seen AS s USING (cluster)
    WHERE NOT coalesce(admin_access, false)
) AS h
JOIN owners AS o ON o.cluster = h.cluster AND o.namespace = h.namespace AND o.workload = h.workload
    AND o.team = h.team AND o.model = h.model AND o.labels = h.labels AND o.a < h.b AND o.b > h.a
LEFT JOIN known AS k ON k.cluster = h.cluster AND k.device = h.device
