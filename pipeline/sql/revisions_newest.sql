-- The newest state of each watched target.
SELECT cluster, namespace, workload, arg_max({uid: uid, generation: generation, config: config}, time) AS state
FROM revisions
GROUP BY ALL
