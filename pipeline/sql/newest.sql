-- Last instant that the minute facts and the actions of the ledger speak of.
SELECT max(last) AS last
FROM (
    SELECT max(minute + to_minutes(span_minutes)) AS last FROM gpu_usage
    UNION ALL
    SELECT max(minute + to_minutes(span_minutes)) FROM prediction_sums
    UNION ALL
    SELECT max(minute + to_minutes(span_minutes)) FROM network_usage
    UNION ALL
    SELECT max(time) FROM actions
)
