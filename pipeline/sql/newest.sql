-- Last instant that the minute facts and the actions of the ledger speak of.  What people said to them, by the
-- clock of the wall, is no such time: files of last year are still judged as of last year.  A ledger that has
-- none of them, but devices or what servers counted, is not empty: it is known as far as those are.
SELECT coalesce(
    max(last),
    greatest(
        (SELECT max(time) FROM devices),
        (SELECT max(time) FROM allocations),
        (SELECT max(minute + to_minutes(span_minutes)) FROM serving_counters)
    )
) AS last
FROM (
    SELECT max(minute + to_minutes(span_minutes)) AS last FROM gpu_usage
    UNION ALL
    SELECT max(minute + to_minutes(span_minutes)) FROM prediction_sums
    UNION ALL
    SELECT max(minute + to_minutes(span_minutes)) FROM network_usage
    UNION ALL
    SELECT max(time) FROM actions WHERE kind = 'rollback' AND state NOT IN ('granted', 'denied', 'undone')
)
