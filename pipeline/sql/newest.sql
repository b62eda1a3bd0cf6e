-- Last instant that the minute facts and the actions of the ledger speak of.
SELECT max(last) AS last
FROM (
    SELECT max(minute) + INTERVAL 1 MINUTE AS last FROM gpu_usage
    UNION ALL
    SELECT max(minute) + INTERVAL 1 MINUTE FROM prediction_sums
    UNION ALL
    SELECT max(minute) + INTERVAL 1 MINUTE FROM network_usage
    UNION ALL
    SELECT max(time) FROM actions
)
