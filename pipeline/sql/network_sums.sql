-- What each workload sent in [$start, $end) by network class and by the source of its bytes ('' where none are known).
SELECT cluster, coalesce(namespace, '') AS namespace, coalesce(workload, '') AS workload, class,
    coalesce(method, '') AS method, CAST(sum(flows) AS BIGINT) AS flows, CAST(sum(connections) AS BIGINT) AS connections,
    CAST(sum(dropped) AS BIGINT) AS dropped, CAST(sum(bytes) AS BIGINT) AS bytes,
    max(minute + to_minutes(span_minutes)) AS last
FROM network_usage
WHERE minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY ALL
