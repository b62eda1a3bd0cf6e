-- The grain, with the work of each device that several hold split by what the processes of their pods did in that hour,
-- where that was measured; the device's own work stays what it is, and nobody's is more than what he holds.
--
-- Tables passed in: grain, cells, holders.  Parameters: span_start, span_end, the hours of the cells.
WITH
used AS (
    SELECT date_trunc('hour', minute) AS hour, cluster, device, namespace, pod,
        sum(round(busy_seconds::DOUBLE * 1e6)::BIGINT)::HUGEINT AS us
    FROM process_usage
    WHERE minute >= $span_start AND minute < $span_end
    GROUP BY ALL
),
-- A pod's several holders of a device have its work by what they hold.
weighed AS (
    SELECT g.cell, g.card, g.kind, g.holder, h.device, g.su::HUGEINT AS su, g.busy_su::HUGEINT AS busy_su,
        coalesce(u.us, 0) * g.su // sum(g.su) OVER (PARTITION BY g.cell, g.card, g.kind, h.device, h.namespace, h.pod)
            AS weight
    -- what pods use of CPUs and memory is of cost_node_usage.sql
    FROM (FROM grain WHERE resource NOT IN ('cpu', 'memory')) AS g
    JOIN holders AS h USING (holder)
    JOIN cells AS c USING (cell)
    LEFT JOIN used AS u ON u.hour = c.hour AND u.cluster = h.cluster AND u.device = h.device
        AND u.namespace = h.namespace AND u.pod = h.pod
),
-- First by the weights, up to all that each holds; what that leaves by what each has left.
taken AS (
    SELECT *, least(su, all_busy * weight // all_weight) AS part
    FROM (
        SELECT *, sum(busy_su) OVER crew AS all_busy, sum(weight) OVER crew AS all_weight
        FROM weighed WINDOW crew AS (PARTITION BY cell, card, kind, device)
    )
    WHERE all_weight > 0
),
split AS (
    SELECT cell, card, kind, holder, part + rest * upto // greatest(1, free) - rest * (upto - su + part) // greatest(1, free)
            AS busy_su
    FROM (
        SELECT *, all_busy - sum(part) OVER crew AS rest, sum(su - part) OVER crew AS free,
            sum(su - part) OVER (crew ORDER BY holder ROWS UNBOUNDED PRECEDING) AS upto
        FROM taken WINDOW crew AS (PARTITION BY cell, card, kind, device)
    )
)
SELECT g.* REPLACE (coalesce(s.busy_su, g.busy_su)::BIGINT AS busy_su,
    CASE WHEN s.busy_su IS NULL THEN g.duplicated_su ELSE 0 END AS duplicated_su)
FROM grain AS g LEFT JOIN split AS s USING (cell, card, kind, holder)
