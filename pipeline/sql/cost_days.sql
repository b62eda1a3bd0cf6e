-- All that the cost of each day follows from, beside the rule: how many rows of usage it has, and sums of digests
-- that only other facts, owners or prices of that day can change.
--
-- Tables passed in: days(day, a, b), seen, inventory, versions, holders, price, commitment.  Usage is added up by device, since
-- minutes become hours with age; more of it is always more samples.
WITH
used AS MATERIALIZED (
    SELECT date_trunc('day', minute) AS day, cluster, device, count(*) AS rows, min(node) AS node,
        sum(samples) AS samples, sum(observed_seconds) AS observed, sum(busy_seconds) AS busy,
        sum(active_seconds) AS active, sum(idle_held_seconds) AS idle_held
    FROM gpu_usage
    WHERE minute >= $span_start AND minute < $span_end
    GROUP BY ALL
),
known AS MATERIALIZED (
    SELECT cluster, device, arg_max(root, a) AS root, max(profile_units) AS profile_units FROM inventory GROUP BY ALL
),
allocated AS MATERIALIZED (
    SELECT cluster, device, max(raw) AS raw FROM holders WHERE device <> root GROUP BY ALL
),
card AS MATERIALIZED (
    SELECT d.day, greatest(v.a, d.a) AS a, least(v.b, s.as_of, d.b) AS b, v.* EXCLUDE (a, b)
    FROM versions AS v JOIN seen AS s USING (cluster) JOIN days AS d ON v.a < d.b AND least(v.b, s.as_of) > d.a
),
slot AS (
    SELECT d.day, greatest(i.a, d.a) AS a, least(i.until, s.as_of, d.b) AS b, i.* EXCLUDE (a, b, until)
    FROM (
        SELECT *, least(b, lead(a) OVER (PARTITION BY cluster, device ORDER BY a)) AS until
        FROM inventory WHERE device <> root
    ) AS i
    JOIN seen AS s USING (cluster)
    JOIN days AS d ON i.a < d.b AND least(i.until, s.as_of) > d.a
),
held AS MATERIALIZED (
    SELECT d.day, row_number() OVER (PARTITION BY d.day ORDER BY holder) AS place, greatest(h.a, d.a) AS a,
        least(h.b, d.b) AS b, h.* EXCLUDE (holder, a, b)
    FROM holders AS h JOIN days AS d ON h.a < d.b AND h.b > d.a
),
profile AS (
    SELECT DISTINCT day, cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource,
        os
    FROM card
    UNION SELECT DISTINCT day, cluster, '', '', '', '', '', '', '', '' FROM used
    UNION SELECT DISTINCT day, cluster, '', '', '', '', '', '', '', '' FROM held
),
amount AS (
    SELECT d.day, greatest(p.a, d.a) AS a, least(p.b, d.b) AS b, p.* EXCLUDE (a, b, reason)
    FROM price AS p
    JOIN days AS d ON p.a < d.b AND p.b > d.a
    JOIN profile AS f USING (
        day, cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource, os
    )
),
process AS MATERIALIZED (
    SELECT date_trunc('hour', minute) AS hour, cluster, device, namespace, pod, sum(busy_seconds) AS busy,
        sum(observed_seconds) AS observed
    FROM process_usage WHERE minute >= $span_start AND minute < $span_end GROUP BY ALL
),
digest AS (
    SELECT day, 'card' AS part, hash(card)::HUGEINT AS digest FROM card
    UNION ALL SELECT day, 'slot', hash(slot) FROM slot
    UNION ALL SELECT day, 'held', hash(held) FROM held
    UNION ALL SELECT day, 'price', hash(amount) FROM amount
    UNION ALL SELECT d.day, 'bought', hash((m.cover, m.cluster, m.gpu_model, m.gpus, m.nano,
        greatest(m.a, d.a, first), least(m.b, d.b, as_of)))
    FROM commitment AS m JOIN days AS d ON m.a < d.b AND m.b > d.a,
        (SELECT min(first) AS first, max(as_of) AS as_of FROM seen)
    UNION ALL SELECT date_trunc('day', hour), 'process', hash(p) FROM process AS p
    UNION ALL SELECT day, 'unit', hash((h.cluster, h.device, a.raw))
    FROM held AS h JOIN allocated AS a ON a.cluster = h.cluster AND a.device = h.device
    UNION ALL SELECT u.day, 'used', hash((u, k.root, k.profile_units, a.raw))
    FROM (SELECT * EXCLUDE (rows) FROM used) AS u
    LEFT JOIN known AS k ON k.cluster = u.cluster AND k.device = u.device
    LEFT JOIN allocated AS a ON a.cluster = u.cluster AND a.device = u.device
)
SELECT d.day,
    -- an hour of a holder, or of a pod's processes, is a tenth of the work that a row of a device's usage is
    (coalesce((SELECT sum(rows) FROM used AS u WHERE u.day = d.day), 0)
        + (SELECT count(*) FROM process AS p WHERE p.hour >= d.day AND p.hour < d.day + INTERVAL 1 DAY) // 10
        + (SELECT 24 * count(*) FROM held AS h WHERE h.day = d.day) // 10)::BIGINT AS rows,
    (SELECT list(part || ' ' || n || ' ' || total ORDER BY part)
        FROM (SELECT part, count(*) AS n, sum(digest) AS total FROM digest AS g WHERE g.day = d.day GROUP BY part))
        AS digests
FROM days AS d
ORDER BY d.day
