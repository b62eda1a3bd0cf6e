-- Pods that ever held less than all of a GPU; what they have of a node's CPUs and memory is a part by nature.
SELECT DISTINCT cluster, coalesce(namespace, '') AS namespace, coalesce(pod, '') AS pod
FROM allocations_merged AS a
WHERE share_units < device_units AND NOT EXISTS (
    SELECT 1 FROM devices_merged AS d
    WHERE d.cluster = a.cluster AND d.device = a.device AND coalesce(nullif(d.resource, 'gpu'), '') <> ''
)
