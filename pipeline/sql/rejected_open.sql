-- Messages with refusals that are not repaired: which rows, or `whole`, and how often a repair took some of them.
WITH refused AS (
    FROM rejected r
    WHERE ($topic = '' OR (topic = $topic AND partition = $partition AND "offset" = $offset))
        AND NOT EXISTS (
            FROM repairs p
            WHERE r.topic = p.topic AND r.topic_id IS NOT DISTINCT FROM p.topic_id AND r.partition = p.partition
                AND r."offset" = p."offset" AND r.row IS NOT DISTINCT FROM p.row
        )
), rounds AS (
    SELECT topic, topic_id, partition, "offset", max(round) + 1 AS round FROM repairs GROUP BY ALL
)
SELECT r.topic, r.topic_id, r.partition, r."offset", bool_or(r.row IS NULL) AS whole,
    coalesce(list(DISTINCT r.row ORDER BY r.row) FILTER (r.row IS NOT NULL), []) AS rows,
    any_value(r.head) AS head, max(r.time) AS time, coalesce(any_value(n.round), 0) AS round
FROM refused r LEFT JOIN rounds n
    ON r.topic = n.topic AND r.topic_id IS NOT DISTINCT FROM n.topic_id AND r.partition = n.partition
    AND r."offset" = n."offset"
GROUP BY r.topic, r.topic_id, r.partition, r."offset"
HAVING $reason = '' OR bool_or(r.reason = $reason)
ORDER BY r.topic, r.topic_id, r.partition, r."offset"
