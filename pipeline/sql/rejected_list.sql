-- Refusals by message and reason, the newest first, `found` of them; `rows` is null where none was taken.  The detail
-- names the first three rows, each with what is wrong with it.
SELECT r.topic, r.topic_id, r.partition, r."offset", r.reason, nullif(count(r.row), 0) AS rows,
    count(*) AS refusals, count(p.round) AS repaired,
    concat(
        array_to_string(arg_min(
            concat(CASE WHEN r.row IS NOT NULL THEN concat('row ', r.row, ': ') END, r.detail), coalesce(r.row, -1), 3
        ), '; '),
        CASE WHEN count(*) > 3 THEN concat('; and ', count(*) - 3, ' more') END
    ) AS detail,
    max(r.time) AS time,
    count(*) OVER () AS found
FROM rejected r LEFT JOIN repairs p
    ON r.topic = p.topic AND r.topic_id IS NOT DISTINCT FROM p.topic_id AND r.partition = p.partition
    AND r."offset" = p."offset" AND r.row IS NOT DISTINCT FROM p.row
WHERE r.time >= $start AND r.time < $end AND ($reason = '' OR r.reason = $reason)
GROUP BY ALL
ORDER BY time DESC, r.topic, r.topic_id, r.partition, r."offset", r.reason
LIMIT $limit
