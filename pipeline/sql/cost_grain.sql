-- What each holder had of each card in each cell of the window, before any price.
--
-- Tables passed in: cells(cell, hour, a, b), seen, inventory, versions, holders.  Times are microseconds since 1970.
-- Parameters: span_start, span_end, what the cells cover.
--
-- A share is counted in units: 720720 (the least common multiple of 1 to 16) is a whole card, so halves,
-- sevenths and the rest are exact.  Units times microseconds is called su.  Holders that are nobody:
-- 0 is time that could be allocated, -1 the rest of a card beside its partitions, -2 what is unhealthy.
-- Devices, cards and what a price depends on are numbers of this answer alone: text is slow to group and join.
WITH
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
known AS MATERIALIZED (
    SELECT cluster, device, arg_max(root, a) AS root, least(720720, max(profile_units)) AS profile_units
    FROM inventory GROUP BY ALL
),
-- The number of every device, 1 and up; in a line 0 is the card as a whole, and -1 what nobody holds of it.
name AS MATERIALIZED (
    SELECT row_number() OVER () AS dev, cluster, device
    FROM (
        SELECT cluster, device FROM known UNION SELECT cluster, root FROM inventory UNION
        SELECT cluster, device FROM holders UNION SELECT cluster, root FROM holders UNION
        SELECT cluster, device FROM stretch
    )
),
-- A device, its card, and its part of the card.
item AS MATERIALIZED (
    SELECT n.cluster, n.device, n.dev, coalesce(r.dev, n.dev) AS card, k.root IS NULL AS unlisted, k.profile_units
    FROM name AS n
    LEFT JOIN known AS k ON k.cluster = n.cluster AND k.device = n.device
    LEFT JOIN name AS r ON r.cluster = k.cluster AND r.device = k.root
),
-- The number of all that a price can depend on, and of the node.
kind AS MATERIALIZED (
    SELECT row_number() OVER () AS kind, *
    FROM (
        SELECT node, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource, os,
            quantity
        FROM versions
        UNION SELECT coalesce(node, ''), '', '', '', '', '', '', '', '', 0 FROM stretch
        UNION SELECT '', '', '', '', '', '', '', '', '', 0
    )
),
bare_kind AS MATERIALIZED (
    SELECT node, kind FROM kind WHERE provider = '' AND region = '' AND instance_type = '' AND gpu_model = ''
        AND mig_profile = '' AND capacity_type = '' AND resource = '' AND os = '' AND quantity = 0
),
card AS MATERIALIZED (
    SELECT n.dev AS card, v.a, least(coalesce(v.b, s.as_of), s.as_of) AS b, k.kind, v.is_sick, v.capacity
    FROM versions AS v
    JOIN seen AS s USING (cluster)
    JOIN name AS n ON n.cluster = v.cluster AND n.device = v.root
    JOIN kind AS k USING (
        node, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource, os, quantity
    )
),
piece AS (
    SELECT c.cell, k.card, greatest(k.a, c.a) AS a, least(k.b, c.b) AS b, kind, is_sick, capacity
    FROM card AS k JOIN cells AS c ON k.a < c.b AND k.b > c.a
),
-- Partitions that there are: what of a card can be allocated once it is cut.
slot AS MATERIALIZED (
    SELECT c.cell, p.card, p.dev, greatest(p.a, c.a) AS a, least(p.b, c.b) AS b, p.profile_units, p.is_sick
    FROM (
        SELECT r.dev AS card, n.dev, v.a,
            least(v.b, lead(v.a) OVER (PARTITION BY n.dev ORDER BY v.a), s.as_of) AS b, v.profile_units, v.is_sick
        FROM inventory AS v
        JOIN seen AS s USING (cluster)
        JOIN name AS n ON n.cluster = v.cluster AND n.device = v.device
        JOIN name AS r ON r.cluster = v.cluster AND r.device = v.root
        WHERE v.device <> v.root
    ) AS p
    JOIN cells AS c ON p.a < c.b AND p.b > c.a
),
holding AS MATERIALIZED (
    SELECT h.holder, r.dev AS card, n.dev, h.raw, h.unlisted, h.a, h.b
    FROM holders AS h
    JOIN name AS n ON n.cluster = h.cluster AND n.device = h.device
    JOIN name AS r ON r.cluster = h.cluster AND r.device = h.root
),
held AS MATERIALIZED (
    SELECT c.cell, h.holder, h.card, h.dev, h.raw, h.unlisted, greatest(h.a, c.a) AS a, least(h.b, c.b) AS b
    FROM holding AS h JOIN cells AS c ON h.a < c.b AND h.b > c.a
),
-- A stretch that a cell cuts is shared by time; the parts of neighbours sum to the whole to the microsecond.
usage AS MATERIALIZED (
    SELECT c.cell, k.dev, k.card, k.unlisted, s.node, k.profile_units, greatest(s.a, c.a) AS a,
        least(s.b, c.b) - greatest(s.a, c.a) AS us,
        CASE WHEN whole THEN observed ELSE observed * z // w - observed * y // w END::BIGINT AS observed,
        CASE WHEN whole THEN busy ELSE busy * z // w - busy * y // w END::BIGINT AS busy,
        CASE WHEN whole THEN active ELSE active * z // w - active * y // w END::BIGINT AS active,
        CASE WHEN whole THEN idle_held ELSE idle_held * z // w - idle_held * y // w END::BIGINT AS idle_held
    FROM stretch AS s
    JOIN cells AS c ON c.hour = s.hour AND s.a < c.b AND s.b > c.a
    JOIN item AS k ON k.cluster = s.cluster AND k.device = s.device,
    LATERAL (
        SELECT s.a >= c.a AND s.b <= c.b AS whole, (s.b - s.a)::HUGEINT AS w,
            (greatest(s.a, c.a) - s.a)::HUGEINT AS y, (least(s.b, c.b) - s.a)::HUGEINT AS z
    ) AS cut
),
-- Where no inventory lists a device it exists while it is held, and in stretches that saw it with no holder.
bare AS MATERIALIZED (
    SELECT cell, card, a, b, NULL AS node FROM held WHERE unlisted
    UNION ALL
    SELECT cell, card, a, a + us, node FROM usage AS u
    WHERE unlisted AND NOT EXISTS (
        FROM held AS h WHERE h.cell = u.cell AND h.card = u.card AND h.a < u.a + u.us AND h.b > u.a
    )
),
mark AS (
    SELECT cell, card, unnest([a, b]) AS t FROM piece
    UNION
    SELECT cell, card, unnest([a, b]) FROM slot
    UNION
    SELECT cell, card, unnest([a, b]) FROM held
    UNION
    SELECT cell, card, unnest([a, b]) FROM bare
),
span AS MATERIALIZED (
    SELECT cell, card, t AS a, lead(t) OVER (PARTITION BY cell, card ORDER BY t) AS b FROM mark
),
-- A stretch of time in which the same holders hold the same card.
segment AS MATERIALIZED (
    SELECT row_number() OVER () AS segment, *
    FROM (
        SELECT s.cell, s.card, s.a, s.b, p.kind, p.is_sick, p.capacity
        FROM span AS s JOIN piece AS p ON p.cell = s.cell AND p.card = s.card AND p.a <= s.a AND p.b >= s.b
        UNION ALL
        SELECT s.* EXCLUDE (node), k.kind, false, 720720
        FROM (
            SELECT s.cell, s.card, s.a, s.b, coalesce(max(x.node), '') AS node
            FROM span AS s JOIN bare AS x ON x.cell = s.cell AND x.card = s.card AND x.a <= s.a AND x.b >= s.b
            GROUP BY ALL
        ) AS s
        JOIN bare_kind AS k USING (node)
    )
),
part AS MATERIALIZED (
    SELECT s.segment, s.capacity, h.holder, h.dev, h.raw, h.dev = s.card AS is_card
    FROM segment AS s
    JOIN held AS h ON h.cell = s.cell AND h.card = s.card AND h.a <= s.a AND h.b >= s.b
),
-- Shares of more than the card are scaled to it; each raw share was cut by less than one, hence `holders`.
-- Of partitions that is their nature (3/7 of the compute with 1/2 of the memory), of others a contradiction.
crew AS MATERIALIZED (
    SELECT segment, sum(raw) AS all_raw, count(*) AS holders,
        all_raw + holders >= capacity::HUGEINT * 1000000 AS is_full,
        all_raw > capacity::HUGEINT * 1000000
            AND NOT (count(DISTINCT dev) = count(*) AND NOT bool_or(is_card)) AS is_over
    FROM part GROUP BY segment, capacity
),
scaled AS MATERIALIZED (
    SELECT p.segment, p.capacity, p.holder, p.dev, p.raw, c.holders, c.is_full, c.is_over,
        CASE WHEN is_full THEN capacity * raw // all_raw ELSE raw // 1000000 END::BIGINT AS cut_units
    FROM part AS p JOIN crew AS c USING (segment)
),
-- Most have a card alone; who is first, and what is left over, is only asked for where they do not.  First of a segment
-- is the largest share, of equal ones the first holder's: the least of what is sorted by both.  By a window the same
-- would take ten times as long, since nobody can estimate how many rows these are.
crowded AS MATERIALIZED (
    SELECT *, holder - raw::HUGEINT * 4294967296 AS sorted FROM scaled WHERE holders > 1
),
shared AS (
    SELECT c.segment, c.holder, c.dev, c.is_over,
        (c.cut_units + CASE WHEN c.is_full AND c.sorted = s.first THEN c.capacity - s.all_cut ELSE 0 END)::BIGINT
            AS units,
        c.sorted = s.first AS is_first, c.holder = d.first AS is_devices_first, d.holders > 1 AS is_one_of,
        true AS is_of_many
    FROM crowded AS c
    JOIN (SELECT segment, min(sorted) AS first, sum(cut_units) AS all_cut FROM crowded GROUP BY ALL) AS s
        ON s.segment = c.segment
    JOIN (SELECT segment, dev, min(holder) AS first, count(*) AS holders FROM crowded GROUP BY ALL) AS d
        ON d.segment = c.segment AND d.dev = c.dev
    UNION ALL
    SELECT segment, holder, dev, is_over, CASE WHEN is_full THEN capacity ELSE cut_units END, true, true, false, false
    FROM scaled WHERE holders = 1
),
-- Units of a card's partitions, and of those among them that are unhealthy and not held.
room AS MATERIALIZED (
    SELECT s.segment, sum(p.profile_units) AS units,
        sum(CASE WHEN p.is_sick AND h.dev IS NULL THEN p.profile_units ELSE 0 END) AS sick_units
    FROM segment AS s
    JOIN slot AS p ON p.cell = s.cell AND p.card = s.card AND p.a <= s.a AND p.b >= s.b
    LEFT JOIN (SELECT DISTINCT segment, dev FROM part) AS h ON h.segment = s.segment AND h.dev = p.dev
    GROUP BY ALL
),
taken AS (
    SELECT segment, CASE WHEN bool_or(is_full) THEN max(capacity) ELSE sum(cut_units) END AS units
    FROM scaled GROUP BY ALL
),
line AS MATERIALIZED (
    SELECT s.segment, s.cell, s.card, s.a, s.b, s.kind, h.holder, h.dev, h.is_over, h.units, h.is_first,
        h.is_devices_first, h.is_one_of, h.is_of_many
    FROM segment AS s JOIN shared AS h USING (segment)
    UNION ALL
    -- What nobody holds; a row of 0 units keeps the time of a card that is held whole.
    SELECT s.segment, s.cell, s.card, s.a, s.b, s.kind, n.holder, -1, false, n.units::BIGINT, false, false, false, false
    FROM segment AS s
    LEFT JOIN taken AS t USING (segment)
    LEFT JOIN room AS r USING (segment),
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
    SELECT DISTINCT card, cell, a FROM usage WHERE dev <> card
),
allocated AS MATERIALIZED (
    SELECT dev, max(raw) // 1000000 AS units FROM holding WHERE dev <> card GROUP BY ALL
),
spoken AS MATERIALIZED (
    SELECT u.cell, u.card, u.a, max(u.us) AS us, coalesce(p.dev, 0) AS target,
        max(observed) AS observed, max(active) AS active, max(idle_held) AS idle_held,
        sum(busy * CASE WHEN u.dev = u.card THEN 720720
            ELSE greatest(coalesce(p.units, 0), coalesce(u.profile_units, 720720)) END)::BIGINT AS busy_su
    FROM usage AS u
    LEFT JOIN allocated AS p ON p.dev = u.dev
    LEFT JOIN split AS x ON x.card = u.card AND x.cell = u.cell AND x.a = u.a
    WHERE u.dev <> u.card OR x.card IS NULL
    GROUP BY ALL
    UNION ALL
    -- The time that nobody holds on a card whose partitions are seen.
    SELECT cell, card, a, max(us), -1, max(observed), 0, 0, 0
    FROM usage WHERE dev <> card AND dev IN (SELECT dev FROM allocated)
    GROUP BY cell, card, a
),
-- Minutes inside of one segment, summed before they meet its holders; `held` is what the target's holders have.
crowd AS MATERIALIZED (
    SELECT segment, cell, card, a, b, 0 AS target, sum(CASE WHEN holder > 0 THEN units ELSE 0 END)::BIGINT AS held
    FROM line GROUP BY ALL
    UNION ALL
    SELECT segment, cell, card, a, b, dev, sum(CASE WHEN holder > 0 THEN units ELSE 0 END)::BIGINT
    FROM line WHERE dev IN (SELECT DISTINCT target FROM spoken WHERE target <> 0) GROUP BY ALL
),
inside AS (
    SELECT c.segment, c.target, c.held, sum(least(u.observed, u.us)) AS observed,
        sum(least(u.busy_su, u.us * c.held)) AS busy_su, sum(least(u.active, u.us)) AS active,
        sum(least(u.idle_held, u.us)) AS idle_held
    FROM spoken AS u
    JOIN crowd AS c ON c.cell = u.cell AND c.card = u.card AND c.target = u.target
        AND c.a <= u.a AND c.b >= u.a + u.us
    GROUP BY ALL
),
-- Minutes in which holders change, one by one.
meeting AS (
    SELECT l.cell, l.card, l.holder, l.kind, u.observed, u.active, u.idle_held, u.busy_su, l.units * o.us AS su,
        sum(CASE WHEN l.holder > 0 THEN l.units * o.us ELSE 0 END) OVER minute AS held_su,
        sum(CASE WHEN (u.target = 0 AND l.is_first) OR (u.target <> 0 AND l.is_devices_first) THEN o.us ELSE 0 END)
            OVER minute AS held_us,
        sum(CASE WHEN l.holder = 0 OR (u.target NOT IN (0, -1) AND l.is_devices_first) THEN o.us ELSE 0 END)
            OVER minute AS exists_us
    FROM spoken AS u
    JOIN line AS l ON l.cell = u.cell AND l.card = u.card
        AND l.a < u.a + u.us AND l.b > u.a AND NOT (l.a <= u.a AND l.b >= u.a + u.us)
        AND (u.target = 0 OR u.target = l.dev),
    LATERAL (SELECT least(l.b, u.a + u.us) - greatest(l.a, u.a) AS us) AS o
    WINDOW minute AS (PARTITION BY u.cell, u.card, u.target, u.a)
),
did AS (
    SELECT cell, card, holder, kind, sum(observed_su) AS observed_su, sum(busy_su) AS busy_su,
        sum(active_su) AS active_su, sum(idle_held_su) AS idle_held_su
    FROM (
        SELECT l.cell, l.card, l.holder, l.kind, l.units * i.observed AS observed_su,
            CASE WHEN holder > 0 AND i.held > 0 THEN l.units * i.busy_su // i.held ELSE 0 END AS busy_su,
            CASE WHEN holder > 0 THEN l.units * i.active ELSE 0 END AS active_su,
            CASE WHEN holder > 0 THEN l.units * i.idle_held ELSE 0 END AS idle_held_su
        FROM inside AS i
        JOIN line AS l ON l.segment = i.segment AND (i.target = 0 OR i.target = l.dev)
        UNION ALL
        SELECT cell, card, holder, kind, su::HUGEINT * least(observed, exists_us) // greatest(exists_us, 1),
            CASE WHEN holder > 0 AND held_su > 0 THEN su::HUGEINT * least(busy_su, held_su) // held_su ELSE 0 END,
            CASE WHEN holder > 0 AND held_us > 0 THEN su::HUGEINT * least(active, held_us) // held_us ELSE 0 END,
            CASE WHEN holder > 0 AND held_us > 0 THEN su::HUGEINT * least(idle_held, held_us) // held_us ELSE 0 END
        FROM meeting
    )
    GROUP BY ALL
),
-- One row a holder and card of a cell: the grain that is priced.
hourly AS MATERIALIZED (
    SELECT cell, card, holder, kind, sum(units::HUGEINT * (b - a))::BIGINT AS su,
        sum(CASE WHEN is_over THEN units::HUGEINT * (b - a) ELSE 0 END)::BIGINT AS over_su,
        -- held beside others on one device, or on partitions of a card that were not seen apart, of which a sample
        -- tells only what all of them did
        sum(CASE WHEN is_one_of OR (is_of_many AND x.card IS NULL) THEN units::HUGEINT * (b - a) ELSE 0 END)::BIGINT
            AS beside_su
    FROM line LEFT JOIN (SELECT DISTINCT cell, card FROM spoken WHERE target > 0) AS x USING (cell, card)
    GROUP BY ALL HAVING sum(units::HUGEINT * (b - a)) > 0
),
whole AS (
    SELECT cell, card, kind, sum(su)::BIGINT AS card_su, count(*) = 1 AS is_alone FROM hourly GROUP BY ALL
)
SELECT cell, card, kind, n.cluster, n.device AS root, holder, k.* EXCLUDE (kind), su, over_su, card_su, is_alone,
    CASE WHEN coalesce(busy_su, 0) > 0 THEN beside_su ELSE 0 END AS duplicated_su,
    least(coalesce(busy_su, 0), su)::BIGINT AS busy_su, coalesce(active_su, 0)::BIGINT AS active_su,
    coalesce(idle_held_su, 0)::BIGINT AS idle_held_su, coalesce(observed_su, 0)::BIGINT AS observed_su,
    -- of a node's CPUs and memory, by cost_node_usage.sql: held while its use was measured, and used
    0::BIGINT AS measured_su, 0::BIGINT AS used_su
FROM hourly
LEFT JOIN did USING (cell, card, holder, kind)
JOIN whole USING (cell, card, kind)
JOIN name AS n ON n.dev = hourly.card
JOIN kind AS k USING (kind)
