-- First and last instant that a GPU fact speaks of, over the whole ledger.
SELECT min(first) AS first, max(last) AS last
FROM (
    SELECT min(minute) AS first, max(minute + to_minutes(span_minutes)) AS last FROM gpu_usage
    UNION ALL
    SELECT min(start), max(greatest(coalesce(time, start), start)) FROM allocations
    UNION ALL
    SELECT min(start), max(greatest(coalesce(time, start), start)) FROM devices
)
