-- What the sources of predictions and labels in $cluster are known to have missed in [$start, $end), by source and kind; the
-- broker's logs, and a spool that was torn, are of every cluster and name none.  In a spool any event may have been.
WITH
-- include serving_losses
, told AS (
    FROM missed WHERE cluster IN ('', $cluster)
    UNION ALL
    SELECT source, kind, '' AS cluster, start, "end", lost
    FROM gaps
    WHERE kind = 'spool_torn' AND start < $end AND greatest("end", start + INTERVAL 1 MICROSECOND) > $start
)
SELECT source, kind, max("end") AS "end", CASE WHEN count(*) = count(lost) THEN sum(lost)::BIGINT END AS lost
FROM told
GROUP BY source, kind
ORDER BY source, kind
