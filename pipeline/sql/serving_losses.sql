-- Common tables, for a WITH: `missed`, what the sources of predictions and labels, or the broker's logs of them, are known to
-- have missed between $start and $end; a moment that begins or ends there counts too.  Of a comparison with
-- the column itself the lake would ask its catalog for files that could hold it, which costs more than to read so few rows.
missed AS (
    SELECT source, kind, coalesce(cluster, '') AS cluster, start, "end", lost
    FROM gaps
    WHERE epoch_us(start) < epoch_us($end) AND greatest("end", start + INTERVAL 1 MICROSECOND) > $start
        AND regexp_matches(source, '^(driftledger\.)?(inference|label)')
)
