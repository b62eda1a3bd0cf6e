-- States of watched targets that were in force in [$start, $end), and the traffic of their version meanwhile.
-- A rule may name models by a glob; traffic that is rolled up counts in the state in whose time its hour began.
WITH states AS (
    SELECT *,
        lead(time) OVER (PARTITION BY cluster, namespace, workload ORDER BY time) AS ended
    FROM revisions
)
SELECT
    s.time AS since, s.ended, s.cluster, s.namespace, s.workload, s.generation, s.number, s.template_hash,
    coalesce(max(p.model), max(s.model)) AS model, s.model_version, s.detail,
    CAST(coalesce(sum(p."count"), 0) AS BIGINT) AS predictions,
    CAST(sum(p.latency_seconds) AS DOUBLE) / nullif(sum(p."count"), 0) AS latency_seconds
FROM states s
LEFT JOIN prediction_sums p
    ON p.model GLOB s.model AND p.model_version = s.model_version
    AND p.minute >= time_bucket(INTERVAL 1 MINUTE, s.time) AND p.minute < least(coalesce(s.ended, $end), $end)
WHERE s.time < $end AND coalesce(s.ended, $end) > $start
GROUP BY ALL
ORDER BY s.cluster, s.namespace, s.workload, s.time
