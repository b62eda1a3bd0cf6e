-- States of one target that were seen to serve, each once with the ConfigMaps of the last time, and when its newest
-- stretch began: the first time that it was seen after the last time of any other state.
WITH states AS (
    SELECT template_hash, config, time
    FROM revisions
    WHERE cluster = $cluster AND namespace = $namespace AND workload = $workload
),
others AS (
    SELECT a.template_hash, max(b.time) AS left_at
    FROM (SELECT DISTINCT template_hash FROM states) AS a JOIN states AS b ON b.template_hash <> a.template_hash
    GROUP BY a.template_hash
)
SELECT template_hash, arg_max(coalesce(config, '{}'), time) AS config, min(time) FILTER (time > left_at) AS began
FROM states LEFT JOIN others USING (template_hash)
GROUP BY template_hash
ORDER BY template_hash
