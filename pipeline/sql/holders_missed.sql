-- What is known to be missing of who holds which device, in a window: times in which a collector did not watch a
-- cluster, longer than so many minutes, and messages that the broker had no more when they were to be read.
SELECT coalesce(cluster, '') AS cluster, source, min(start) AS start, max("end") AS "end", sum(lost)::BIGINT AS lost
FROM gaps
WHERE start < $end AND "end" >= $start AND (
    source = 'allocation' AND detail IN ('pods', 'resourceclaims')
        AND date_diff('minute', greatest(start, $start), least("end", $end)) > $minutes
    OR regexp_matches(source, '^driftledger\.(allocation|device)/')
)
GROUP BY 1, 2, CASE WHEN source = 'allocation' THEN date_trunc('minute', gaps.start) END
ORDER BY 3, 1, 2
