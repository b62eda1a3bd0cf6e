-- Every refusal of the messages at one place, of whichever topic id, and the time of its repair.
SELECT r.topic_id, r.row, r.reason, r.detail, r.head, r.time, p.time AS repaired
FROM rejected r LEFT JOIN repairs p
    ON r.topic = p.topic AND r.topic_id IS NOT DISTINCT FROM p.topic_id AND r.partition = p.partition
    AND r."offset" = p."offset" AND r.row IS NOT DISTINCT FROM p.row
WHERE r.topic = $topic AND r.partition = $partition AND r."offset" = $offset
ORDER BY r.time DESC, r.topic_id, r.row NULLS FIRST
