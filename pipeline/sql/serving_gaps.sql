-- What is known to be missing of requests and labels between two times, by kind of loss.
SELECT kind, count(*)::BIGINT AS gaps, sum(lost)::BIGINT AS lost, count(*) FILTER (WHERE lost IS NULL)::BIGINT AS uncounted
FROM gaps
WHERE start < $end AND greatest("end", start + INTERVAL 1 MICROSECOND) > $start
    AND (source LIKE '%inference%' OR source LIKE '%label%')
GROUP BY kind ORDER BY kind
