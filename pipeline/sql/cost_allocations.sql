-- Everyone who ever held a device: read once for the questions that look at holders.
SELECT cluster, device, share_id, claim_uid, consumer_uid, container, start, "end", node, namespace, pod, workload,
    team, model, model_version, labels, share_units, device_units, admin_access
FROM allocations_merged
