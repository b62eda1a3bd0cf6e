-- What each holder had of each card in each cell of the window, before any price.
--
-- Tables passed in: cells(cell, hour, a, b), seen, inventory, holders.  Times are microseconds since 1970.
-- Parameters: span_start, span_end, what the cells cover.
--
-- A share is counted in units: 720720 (the least common multiple of 1 to 16) is a whole card, so halves,
-- sevenths and the rest are exact.  Units times microseconds is called su.  Holders that are nobody:
-- 0 is time that could be allocated, -1 the rest of a card beside its partitions, -2 what is unhealthy.
WITH
known AS MATERIALIZED (
    SELECT cluster, device, arg_max(root, a) AS root, least(720720, max(profile_units)) AS profile_units
    FROM inventory GROUP BY ALL
),
-- A card's own rows say when it exists; without them its partitions do, from the first to the last.
card AS MATERIALIZED (
    SELECT cluster, root, a, least(b, lead(a) OVER (PARTITION BY cluster, root ORDER BY a)) AS b, node, provider,
        region, instance_type, gpu_model, mig_profile, capacity_type, is_sick,
        least(720720, profile_units) AS capacity
    FROM inventory WHERE device = root
    UNION ALL
    SELECT cluster, root, min(a), CASE WHEN bool_or(b IS NULL) THEN NULL ELSE max(b) END, max(node),
        max(provider), max(region), max(instance_type), max(gpu_model), '', max(capacity_type), false, 720720
    FROM inventory AS i
    WHERE (cluster, root) NOT IN (SELECT (cluster, device) FROM inventory WHERE device = root)
    GROUP BY cluster, root
),
piece AS (
    SELECT c.cell, k.cluster, k.root, greatest(k.a, c.a) AS a, least(coalesce(k.b, s.as_of), s.as_of, c.b) AS b,
        node, provider, region, instance_type, gpu_model, mig_profile, capacity_type, is_sick, capacity
    FROM card AS k
    JOIN seen AS s USING (cluster)
    JOIN cells AS c ON k.a < c.b AND least(coalesce(k.b, s.as_of), s.as_of) > c.a
),
-- Partitions that there are: what of a card can be allocated once it is cut.
slot AS MATERIALIZED (
    SELECT c.cell, p.cluster, p.root, p.device, greatest(p.a, c.a) AS a,
        least(coalesce(p.b, s.as_of), s.as_of, c.b) AS b, p.profile_units, p.is_sick
    FROM (
        SELECT * REPLACE (least(b, lead(a) OVER (PARTITION BY cluster, device ORDER BY a)) AS b)
        FROM inventory WHERE device <> root
    ) AS p
    JOIN seen AS s USING (cluster)
    JOIN cells AS c ON p.a < c.b AND least(coalesce(p.b, s.as_of), s.as_of) > c.a
),
held AS MATERIALIZED (
    SELECT c.cell, h.holder, h.cluster, h.root, h.device, h.raw, h.unlisted, greatest(h.a, c.a) AS a,
        least(h.b, c.b) AS b
    FROM holders AS h JOIN cells AS c ON h.a < c.b AND h.b > c.a
),
-- Hours of a device whose minutes are rolled up into one stretch.
rolled AS MATERIALIZED (
    SELECT cluster, device, date_trunc('hour', minute) AS hour, epoch_us(min(minute)) AS a,
        epoch_us(max(minute + to_minutes(span_minutes))) AS b
    FROM gpu_usage
    WHERE span_minutes > 1 AND minute >= $span_start AND minute < $span_end
    GROUP BY ALL
),
-- What a device did in a stretch: a minute, or what was rolled up together with what came late for it.
stretch AS MATERIALIZED (
    SELECT u.cluster, u.device, any_value(u.node) AS node, date_trunc('hour', u.minute) AS hour,
        coalesce(r.a, epoch_us(u.minute)) AS a, coalesce(r.b, epoch_us(u.minute) + 60000000) AS b,
        -- microseconds are whole numbers far below 2^53, so that rounding a double gives them exactly
        sum(round(observed_seconds::DOUBLE * 1e6)::BIGINT)::BIGINT AS observed,
        sum(round(busy_seconds::DOUBLE * 1e6)::BIGINT)::BIGINT AS busy,
        sum(round(active_seconds::DOUBLE * 1e6)::BIGINT)::BIGINT AS active,
        sum(round(idle_held_seconds::DOUBLE * 1e6)::BIGINT)::BIGINT AS idle_held
    FROM gpu_usage AS u
    LEFT JOIN rolled AS r ON r.cluster = u.cluster AND r.device = u.device
        AND r.hour = date_trunc('hour', u.minute) AND epoch_us(u.minute) >= r.a AND epoch_us(u.minute) < r.b
    WHERE u.minute >= $span_start AND u.minute < $span_end
    GROUP BY ALL
),
-- A stretch that a cell cuts is shared by time; the parts of neighbours sum to the whole to the microsecond.
usage AS MATERIALIZED (
    SELECT c.cell, s.cluster, s.device, coalesce(k.root, s.device) AS root, k.root IS NULL AS unlisted,
        s.node, k.profile_units, greatest(s.a, c.a) AS a,
        least(s.b, c.b) - greatest(s.a, c.a) AS us,
        CASE WHEN whole THEN observed ELSE observed * z // w - observed * y // w END::BIGINT AS observed,
        CASE WHEN whole THEN busy ELSE busy * z // w - busy * y // w END::BIGINT AS busy,
        CASE WHEN whole THEN active ELSE active * z // w - active * y // w END::BIGINT AS active,
        CASE WHEN whole THEN idle_held ELSE idle_held * z // w - idle_held * y // w END::BIGINT AS idle_held
    FROM stretch AS s
    JOIN cells AS c ON c.hour = s.hour AND s.a < c.b AND s.b > c.a
    LEFT JOIN known AS k ON k.cluster = s.cluster AND k.device = s.device,
    LATERAL (
        SELECT s.a >= c.a AND s.b <= c.b AS whole, (s.b - s.a)::HUGEINT AS w,
            (greatest(s.a, c.a) - s.a)::HUGEINT AS y, (least(s.b, c.b) - s.a)::HUGEINT AS z
    ) AS cut
),
-- Where no inventory lists a device it exists while it is held, and in stretches that saw it with no holder.
bare AS (
    SELECT cell, cluster, root, a, b, NULL AS node FROM held WHERE unlisted
    UNION ALL
    SELECT cell, cluster, root, a, a + us, node FROM usage AS u
    WHERE unlisted AND NOT EXISTS (
        FROM held AS h WHERE h.cell = u.cell AND h.cluster = u.cluster AND h.root = u.root
            AND h.a < u.a + u.us AND h.b > u.a
    )
),
mark AS (
    SELECT cell, cluster, root, unnest([a, b]) AS t FROM piece
    UNION
    SELECT cell, cluster, root, unnest([a, b]) FROM slot
    UNION
    SELECT cell, cluster, root, unnest([a, b]) FROM held
    UNION
    SELECT cell, cluster, root, unnest([a, b]) FROM bare
),
span AS (
    SELECT cell, cluster, root, t AS a, lead(t) OVER (PARTITION BY cell, cluster, root ORDER BY t) AS b FROM mark
),
-- A stretch of time in which the same holders hold the same card.
segment AS MATERIALIZED (
    SELECT s.cell, s.cluster, s.root, s.a, s.b, p.node, provider, region, instance_type, gpu_model, mig_profile,
        capacity_type, is_sick, capacity
    FROM span AS s
    JOIN piece AS p ON p.cell = s.cell AND p.cluster = s.cluster AND p.root = s.root AND p.a <= s.a AND p.b >= s.b
    UNION ALL
    SELECT s.cell, s.cluster, s.root, s.a, s.b, coalesce(max(x.node), ''), '', '', '', '', '', '', false, 720720
    FROM span AS s
    JOIN bare AS x ON x.cell = s.cell AND x.cluster = s.cluster AND x.root = s.root AND x.a <= s.a AND x.b >= s.b
    GROUP BY s.cell, s.cluster, s.root, s.a, s.b
),
part AS (
    SELECT s.*, h.holder, h.device, h.raw,
        sum(h.raw) OVER whole AS all_raw, count(*) OVER whole AS holders,
        count(DISTINCT h.device) OVER whole = count(*) OVER whole AND NOT bool_or(h.device = h.root) OVER whole
            AS is_cut,
        row_number() OVER (PARTITION BY s.cell, s.cluster, s.root, s.a ORDER BY h.raw DESC, h.holder) AS place,
        row_number() OVER (PARTITION BY s.cell, s.cluster, s.root, s.a, h.device ORDER BY h.holder) AS device_place
    FROM segment AS s
    JOIN held AS h ON h.cell = s.cell AND h.cluster = s.cluster AND h.root = s.root AND h.a <= s.a AND h.b >= s.b
    WINDOW whole AS (PARTITION BY s.cell, s.cluster, s.root, s.a)
),
-- Shares of more than the card are scaled to it; each raw share was cut by less than one, hence `holders`.
-- Of partitions that is their nature (3/7 of the compute with 1/2 of the memory), of others a contradiction.
scaled AS MATERIALIZED (
    SELECT *, all_raw + holders >= capacity::HUGEINT * 1000000 AS is_full,
        all_raw > capacity::HUGEINT * 1000000 AND NOT is_cut AS is_over,
        CASE WHEN all_raw + holders >= capacity::HUGEINT * 1000000
            THEN capacity * raw // all_raw ELSE raw // 1000000 END::BIGINT AS cut_units
    FROM part
),
-- Units of a card's partitions, and of those among them that are unhealthy and not held.
room AS MATERIALIZED (
    SELECT s.cell, s.cluster, s.root, s.a, sum(p.profile_units) AS units,
        sum(CASE WHEN p.is_sick AND h.device IS NULL THEN p.profile_units ELSE 0 END) AS sick_units
    FROM segment AS s
    JOIN slot AS p ON p.cell = s.cell AND p.cluster = s.cluster AND p.root = s.root AND p.a <= s.a AND p.b >= s.b
    LEFT JOIN (SELECT DISTINCT cell, cluster, root, a, device FROM part) AS h
        ON h.cell = s.cell AND h.cluster = s.cluster AND h.root = s.root AND h.a = s.a AND h.device = p.device
    GROUP BY ALL
),
line AS MATERIALIZED (
    SELECT * EXCLUDE (cut_units, raw, all_raw, holders, is_full, is_cut, left_over),
        (cut_units + CASE WHEN is_full AND place = 1 THEN left_over ELSE 0 END)::BIGINT AS units
    FROM (
        SELECT *, capacity - sum(cut_units) OVER (PARTITION BY cell, cluster, root, a) AS left_over FROM scaled
    )
    UNION ALL BY NAME
    -- What nobody holds; a row of 0 units keeps the time of a card that is held whole.
    SELECT s.*, n.holder, '*' AS device, 0 AS place, 0 AS device_place, false AS is_over, n.units::BIGINT AS units
    FROM segment AS s
    LEFT JOIN (
        SELECT cell, cluster, root, a, CASE WHEN bool_or(is_full) THEN max(capacity) ELSE sum(cut_units) END AS units
        FROM scaled GROUP BY ALL
    ) AS t ON t.cell = s.cell AND t.cluster = s.cluster AND t.root = s.root AND t.a = s.a
    LEFT JOIN room AS r ON r.cell = s.cell AND r.cluster = s.cluster AND r.root = s.root AND r.a = s.a,
    LATERAL (SELECT s.capacity - coalesce(t.units, 0) AS free) AS f,
    LATERAL (SELECT CASE WHEN s.is_sick THEN free ELSE least(free, coalesce(r.sick_units, 0)) END AS sick) AS g,
    LATERAL (SELECT least(free - sick, greatest(s.capacity - coalesce(r.units, s.capacity), 0)) AS rest) AS i,
    LATERAL (
        SELECT unnest([0, -1, -2]) AS holder, unnest([free - sick - rest, rest, sick]) AS units
    ) AS n
    WHERE n.holder = 0 OR n.units > 0
),
-- What a minute's usage speaks of: a partition that is allocated by its own name, else all of the card.
split AS MATERIALIZED (
    SELECT cluster, root, device, cell, a FROM usage WHERE device <> root
),
allocated AS MATERIALIZED (
    SELECT cluster, device, max(raw) // 1000000 AS units FROM holders WHERE device <> root GROUP BY ALL
),
spoken AS MATERIALIZED (
    SELECT u.cell, u.cluster, u.root, u.a, max(u.us) AS us, coalesce(p.device, '') AS target,
        max(observed) AS observed, max(active) AS active, max(idle_held) AS idle_held,
        sum(busy * CASE WHEN u.device = u.root THEN 720720
            ELSE greatest(coalesce(p.units, 0), coalesce(u.profile_units, 720720)) END)::BIGINT AS busy_su
    FROM usage AS u
    LEFT JOIN allocated AS p ON p.cluster = u.cluster AND p.device = u.device
    WHERE u.device <> u.root OR (u.cell, u.cluster, u.root, u.a) NOT IN (SELECT (cell, cluster, root, a) FROM split)
    GROUP BY ALL
    UNION ALL
    -- The time that nobody holds on a card whose partitions are seen.
    SELECT cell, cluster, root, a, max(us), '*', max(observed), 0, 0, 0 FROM usage WHERE device <> root
        AND (cluster, device) IN (SELECT (cluster, device) FROM allocated)
    GROUP BY cell, cluster, root, a
),
-- Minutes inside of one segment, summed before they meet its holders; `held` is what the target's holders have.
crowd AS MATERIALIZED (
    SELECT cell, cluster, root, a, b, '' AS target, sum(CASE WHEN holder > 0 THEN units ELSE 0 END)::BIGINT AS held
    FROM line GROUP BY ALL
    UNION ALL
    SELECT cell, cluster, root, a, b, device, sum(CASE WHEN holder > 0 THEN units ELSE 0 END)::BIGINT
    FROM line WHERE device IN (SELECT target FROM spoken WHERE target <> '') GROUP BY ALL
),
inside AS (
    SELECT c.cell, c.cluster, c.root, c.a, c.b, c.target, c.held,
        sum(least(u.observed, u.us)) AS observed, sum(least(u.busy_su, u.us * c.held)) AS busy_su,
        sum(least(u.active, u.us)) AS active, sum(least(u.idle_held, u.us)) AS idle_held
    FROM spoken AS u
    JOIN crowd AS c ON c.cell = u.cell AND c.cluster = u.cluster AND c.root = u.root AND c.target = u.target
        AND c.a <= u.a AND c.b >= u.a + u.us
    GROUP BY ALL
),
-- Minutes in which holders change, one by one.
meeting AS (
    SELECT l.*, u.observed, u.active, u.idle_held, u.busy_su, o.us, l.units * o.us AS su,
        sum(CASE WHEN l.holder > 0 THEN l.units * o.us ELSE 0 END) OVER minute AS held_su,
        sum(CASE WHEN (u.target = '' AND l.place = 1) OR (u.target <> '' AND l.device_place = 1) THEN o.us ELSE 0 END)
            OVER minute AS held_us,
        sum(CASE WHEN l.holder = 0 OR (u.target NOT IN ('', '*') AND l.device_place = 1) THEN o.us ELSE 0 END)
            OVER minute AS exists_us
    FROM spoken AS u
    JOIN line AS l ON l.cell = u.cell AND l.cluster = u.cluster AND l.root = u.root
        AND l.a < u.a + u.us AND l.b > u.a AND NOT (l.a <= u.a AND l.b >= u.a + u.us)
        AND (u.target = '' OR u.target = l.device),
    LATERAL (SELECT least(l.b, u.a + u.us) - greatest(l.a, u.a) AS us) AS o
    WINDOW minute AS (PARTITION BY u.cell, u.cluster, u.root, u.target, u.a)
),
did AS (
    SELECT cell, cluster, root, holder, node, provider, region, instance_type, gpu_model, mig_profile, capacity_type,
        sum(observed_su) AS observed_su, sum(busy_su) AS busy_su, sum(active_su) AS active_su,
        sum(idle_held_su) AS idle_held_su
    FROM (
        SELECT l.*, l.units * i.observed AS observed_su,
            CASE WHEN holder > 0 AND i.held > 0 THEN l.units * i.busy_su // i.held ELSE 0 END AS busy_su,
            CASE WHEN holder > 0 THEN l.units * i.active ELSE 0 END AS active_su,
            CASE WHEN holder > 0 THEN l.units * i.idle_held ELSE 0 END AS idle_held_su
        FROM inside AS i
        JOIN line AS l ON l.cell = i.cell AND l.cluster = i.cluster AND l.root = i.root AND l.a = i.a
            AND (i.target = '' OR i.target = l.device)
        UNION ALL BY NAME
        SELECT * EXCLUDE (busy_su, held_su, held_us, exists_us, su, us, observed, active, idle_held),
            su::HUGEINT * least(observed, exists_us) // greatest(exists_us, 1) AS observed_su,
            CASE WHEN holder > 0 AND held_su > 0 THEN su::HUGEINT * least(busy_su, held_su) // held_su
                ELSE 0 END AS busy_su,
            CASE WHEN holder > 0 AND held_us > 0 THEN su::HUGEINT * least(active, held_us) // held_us
                ELSE 0 END AS active_su,
            CASE WHEN holder > 0 AND held_us > 0 THEN su::HUGEINT * least(idle_held, held_us) // held_us
                ELSE 0 END AS idle_held_su
        FROM meeting
    )
    GROUP BY ALL
),
-- One row a holder and card of a cell: the grain that is priced.
hourly AS (
    SELECT cell, cluster, root, holder, node, provider, region, instance_type, gpu_model, mig_profile, capacity_type,
        sum(units::HUGEINT * (b - a)) AS su,
        sum(CASE WHEN is_over THEN units::HUGEINT * (b - a) ELSE 0 END) AS over_su
    FROM line GROUP BY ALL
)
SELECT cell, cluster, root, holder, node, provider, region, instance_type, gpu_model, mig_profile,
    capacity_type,
    su::BIGINT AS su, over_su::BIGINT AS over_su, least(coalesce(busy_su, 0), su)::BIGINT AS busy_su,
    coalesce(active_su, 0)::BIGINT AS active_su, coalesce(idle_held_su, 0)::BIGINT AS idle_held_su,
    coalesce(observed_su, 0)::BIGINT AS observed_su
FROM hourly
LEFT JOIN did USING (cell, cluster, root, holder, node, provider, region, instance_type, gpu_model, mig_profile,
    capacity_type)
WHERE su > 0
