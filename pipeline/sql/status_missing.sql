-- What was refused and not repaired since, by reason, and what is known to be missing.
SELECT 'rejected' AS kind, reason AS name, '' AS cluster, count(*) AS rows, min(time) AS first, max(time) AS newest,
    -- the newest in words; the words of a replayed file begin with its name, its topic is a hash
    'for example ' || arg_max(CASE WHEN topic LIKE 'replay/%' THEN '' ELSE topic || ': ' END || left(coalesce(detail, ''), 120), (time, detail)) AS detail
FROM rejected r
WHERE NOT EXISTS (
    FROM repairs p
    WHERE r.topic = p.topic AND r.topic_id IS NOT DISTINCT FROM p.topic_id AND r.partition = p.partition
        AND r."offset" = p."offset" AND r.row IS NOT DISTINCT FROM p.row
)
GROUP BY reason
UNION ALL
SELECT 'gap', source || ' ' || kind, cluster, count(*), min(start), max("end"), 'lost ' || coalesce(sum(lost), 0)
FROM gaps GROUP BY source, kind, cluster
ORDER BY kind DESC, rows DESC, name, cluster
