-- States of one target that were seen to serve, each once with the ConfigMaps of the last time.
SELECT template_hash, arg_max(coalesce(config, '{}'), time) AS config
FROM revisions
WHERE cluster = $cluster AND namespace = $namespace AND workload = $workload
GROUP BY template_hash
ORDER BY template_hash
