-- What became of each workload's traffic in [$start, $end): responses by their code, drops by their reason.
SELECT cluster, coalesce(namespace, '') AS namespace, coalesce(workload, '') AS workload,
    coalesce(protocol, '') AS protocol, coalesce(outcome, '') AS outcome, CAST(sum(events) AS BIGINT) AS events,
    CAST(sum(timed) AS BIGINT) AS timed, sum(latency_seconds) AS latency_seconds,
    max(minute + to_minutes(span_minutes)) AS last
FROM network_outcomes
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY ALL
