-- Common tables, for a WITH: `missed`, what the sources of predictions and labels, or the broker's logs of them, are known to
-- have missed between $start and $end; a moment that begins or ends there counts too.
missed AS (
    SELECT source, kind, coalesce(cluster, '') AS cluster, start, "end", lost
    FROM gaps
    WHERE start < $end AND greatest("end", start + INTERVAL 1 MICROSECOND) > $start
        AND regexp_matches(source, '^(driftledger\.)?(inference|label)')
)
