-- The grain with what each pod used of its node's CPUs and memory, where that was measured in the hour.
--
-- Tables passed in: grain, cells, holders, versions, seen.  Parameters: span_start, span_end, the hours of the cells; most:
-- whether what a pod used beyond what it holds is charged to it too.  That is taken from what nobody holds; where all
-- together is more than the node, all is scaled to it, as AWS's split cost allocation data has it (allocated over the
-- larger of what is allocated and what there is).  So a node's lines sum to what they summed to before.
--
-- The mean of what was seen of a pod in an hour speaks of the part of the hour that was seen; in the rest it counts as
-- using what it holds.  It is the same at every moment of the hour that the pod is there, whatever the window.
WITH
node AS MATERIALIZED (
    SELECT DISTINCT cluster, root FROM versions WHERE resource IN ('cpu', 'memory')
),
used AS MATERIALIZED (
    SELECT date_trunc('hour', u.minute) AS hour, u.cluster, u.device, u.namespace, u.pod,
        sum(round(busy_seconds::DOUBLE * 1e6)::BIGINT)::HUGEINT AS us,
        sum(round(observed_seconds::DOUBLE * 1e6)::BIGINT)::HUGEINT AS observed
    FROM process_usage AS u
    WHERE u.minute >= $span_start AND u.minute < $span_end
        AND (u.cluster, u.device) IN (SELECT (cluster, root) FROM node)
    GROUP BY ALL
    HAVING observed > 0
),
-- A pod's holders of a device have its use by what they hold, and by time alone where they hold nothing.
member AS MATERIALIZED (
    SELECT *, sum((b - a)::HUGEINT * weight) OVER pod AS whole,
        max(b) OVER pod - min(a) OVER pod AS span
    FROM (
        SELECT u.*, h.holder, greatest(h.a, epoch_us(u.hour)) AS a, least(h.b, epoch_us(u.hour) + 3600000000) AS b,
            CASE WHEN max(h.raw) OVER (PARTITION BY u.hour, u.cluster, u.device, u.namespace, u.pod) = 0 THEN 1
                WHEN h.raw = 0 THEN 0 ELSE greatest(1, h.raw // 1000000) END AS weight
        FROM used AS u
        JOIN holders AS h ON h.cluster = u.cluster AND h.device = u.device AND h.namespace = u.namespace
            AND h.pod = u.pod AND h.a < epoch_us(u.hour) + 3600000000 AND h.b > epoch_us(u.hour)
    )
    WINDOW pod AS (PARTITION BY hour, cluster, device, namespace, pod)
),
card AS MATERIALIZED (
    SELECT DISTINCT cell, card, kind, cluster, root, node, provider, region, instance_type, gpu_model, mig_profile,
        capacity_type, resource, os, quantity, card_su
    FROM grain WHERE resource IN ('cpu', 'memory')
),
there AS (
    SELECT k.cell, k.card, k.kind, k.cluster, k.root, greatest(v.a, c.a) AS a,
        least(coalesce(v.b, s.as_of), s.as_of, c.b) AS b, c.hour
    FROM card AS k
    JOIN cells AS c USING (cell)
    JOIN seen AS s USING (cluster)
    JOIN versions AS v USING (
        cluster, root, node, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource, os,
        quantity
    )
    WHERE v.a < c.b AND coalesce(v.b, s.as_of) > c.a
),
-- Units times microseconds that a holder used in the cell, the node's at most, and the part of it that was seen.
did AS MATERIALIZED (
    SELECT t.cell, t.card, t.kind, m.holder,
        sum(least(720720 * m.us * weight * o.us // nullif(whole, 0), 720720 * o.us))::BIGINT AS used_su,
        min(least(m.observed, m.span))::HUGEINT AS seen_us, min(m.span)::HUGEINT AS span_us
    FROM there AS t
    JOIN member AS m ON m.hour = t.hour AND m.cluster = t.cluster AND m.device = t.root AND m.a < t.b AND m.b > t.a,
    LATERAL (SELECT (least(m.b, t.b) - greatest(m.a, t.a))::HUGEINT AS us) AS o
    GROUP BY ALL
),
-- What each had and used, also of those who hold nothing; nobody's rows have holder <= 0.
worked AS (
    SELECT coalesce(g.cell, d.cell) AS cell, coalesce(g.card, d.card) AS card, coalesce(g.kind, d.kind) AS kind,
        coalesce(g.holder, d.holder) AS holder, coalesce(g.su, 0) AS su, d.used_su,
        coalesce(coalesce(g.su, 0) * d.seen_us // d.span_us, 0)::BIGINT AS seen_su
    FROM (FROM grain WHERE resource IN ('cpu', 'memory')) AS g
    FULL JOIN did AS d ON d.cell = g.cell AND d.card = g.card AND d.kind = g.kind AND d.holder = g.holder
),
wanted AS (
    SELECT *, su + over_su AS most_su, least(su + over_su, coalesce(used_su, seen_su) + su - seen_su) AS busy_su,
        seen_su + over_su AS measured_su
    FROM (SELECT *, CASE WHEN $most THEN greatest(0, coalesce(used_su, 0) - seen_su) ELSE 0 END AS over_su FROM worked)
),
-- Running sums, each cut down, so that the parts sum to the whole.
room AS (
    SELECT w.*, k.card_su::HUGEINT AS card_su,
        sum(CASE WHEN holder > 0 THEN most_su ELSE 0 END) OVER card::HUGEINT AS all_held,
        sum(CASE WHEN holder > 0 THEN 0 ELSE su END) OVER card::HUGEINT AS all_free,
        sum(CASE WHEN holder > 0 THEN most_su ELSE 0 END) OVER upto::HUGEINT AS held,
        sum(CASE WHEN holder > 0 THEN 0 ELSE su END) OVER upto::HUGEINT AS free
    FROM wanted AS w JOIN card AS k USING (cell, card, kind)
    WINDOW card AS (PARTITION BY w.cell, w.card, w.kind),
        upto AS (PARTITION BY w.cell, w.card, w.kind ORDER BY holder ROWS UNBOUNDED PRECEDING)
),
fitted AS (
    SELECT cell, card, kind, holder, most_su, busy_su, measured_su, used_su,
        CASE WHEN holder <= 0 THEN left_su * free // greatest(1, all_free) - left_su * (free - su) // greatest(1, all_free)
            WHEN all_held > card_su THEN card_su * held // all_held - card_su * (held - most_su) // all_held
            ELSE most_su END::BIGINT AS su
    FROM room, LATERAL (SELECT greatest(0, card_su - all_held) AS left_su)
),
sized AS (
    SELECT f.cell, f.card, f.kind, f.holder, f.su,
        -- what was scaled to the node is so in its parts
        CASE WHEN f.su < most_su AND holder > 0 THEN busy_su::HUGEINT * f.su // most_su ELSE busy_su END::BIGINT AS busy_su,
        CASE WHEN f.su < most_su AND holder > 0 THEN measured_su::HUGEINT * f.su // most_su ELSE measured_su END::BIGINT
            AS measured_su,
        coalesce(used_su, 0)::BIGINT AS used_su, count(*) OVER (PARTITION BY f.cell, f.card, f.kind) = 1 AS is_alone
    FROM fitted AS f WHERE f.su > 0
)
SELECT * FROM grain WHERE resource NOT IN ('cpu', 'memory')
UNION ALL BY NAME
SELECT k.* EXCLUDE (card_su), k.card_su, s.holder, s.su, 0::BIGINT AS over_su, s.is_alone, 0::BIGINT AS duplicated_su,
    CASE WHEN s.holder > 0 THEN s.busy_su ELSE 0 END AS busy_su, 0::BIGINT AS active_su, 0::BIGINT AS idle_held_su,
    0::BIGINT AS observed_su, CASE WHEN s.holder > 0 THEN s.measured_su ELSE 0 END AS measured_su,
    CASE WHEN s.holder > 0 THEN s.used_su ELSE 0 END AS used_su
FROM sized AS s JOIN card AS k USING (cell, card, kind)
