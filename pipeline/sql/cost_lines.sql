-- The grain priced, its idle and shared costs spread as the rule says, and summed by the asked dimensions; exact
-- to the billionth.
--
-- Tables passed in: grain, holders, seen, cells(cell, hour, a, b, sign), price(cluster ... resource, a, b, nano, cover)
-- with billionths an hour of a GPU, core, GiB or load balancer and the name of the commitment that covers some,
-- commitment(cover, cluster, gpu_model, gpus, nano, a, b) with billionths an hour of all its GPUs.  A window that starts inside a cell is the cell less (sign
-- -1) its part before the window.  Parameters: by_* flags; idle and shared, each none, weighted or even; usage: whether
-- what is held without work is paid by those who work; gpu_part, cpu_part, memory_part, whole_parts: how the price of
-- a node's GPUs is split over the node, not at all where the parts are 0; dominant: a node is paid by dominant parts.
-- It is asked without commitments, split, dominant or spread where there is nothing for that part to do.
WITH
listed AS MATERIALIZED (
    SELECT h.*, c.sign, c.hour, p.cover, rate AS nano,
        -- 3600000000 microseconds an hour by 720720 units a card
        rate * h.card_su // 2594592000000000 AS card_nano
    FROM grain AS h
    JOIN cells AS c USING (cell)
    LEFT JOIN price AS p
        USING (cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type, resource, os),
    LATERAL (
        SELECT CASE resource WHEN 'cpu' THEN p.nano::HUGEINT * quantity // 1000
            WHEN 'memory' THEN p.nano::HUGEINT * quantity // 1073741824
            WHEN 'volume' THEN p.nano::HUGEINT * quantity // 1073741824
            ELSE p.nano::HUGEINT END AS rate
    )
    WHERE p.a IS NULL OR (p.a <= c.a AND c.a < p.b)
),
-- with commitments
-- What was bought by number in a cell, as far as the ledger reaches: units times microseconds, and its cost.
bought AS MATERIALIZED (
    SELECT c.cell, c.hour, c.sign, m.cover, m.cluster, m.gpu_model, m.gpus, m.nano,
        m.gpus * 720720::HUGEINT * us AS room, m.nano::HUGEINT * us // 3600000000 AS paid
    FROM commitment AS m
    JOIN cells AS c ON m.a <= c.a AND c.a < m.b,
    (SELECT min(first) AS first, max(as_of) AS as_of FROM seen) AS s,
    LATERAL (SELECT greatest(0, least(c.b, s.as_of) - greatest(c.a, s.first)) AS us)
),
-- It is taken up by the devices that it covers in proportion to their time, whoever holds them.
member_of AS MATERIALIZED (
    SELECT *, card_su * least(room, all_su) // nullif(all_su, 0) AS cut
    FROM (
        SELECT DISTINCT l.cell, l.card, l.kind, l.cover, l.cluster, l.root, l.node, l.quantity,
            l.card_su::HUGEINT AS card_su, l.nano::HUGEINT AS rest_nano, b.gpus, b.nano::HUGEINT AS nano, b.room
        FROM listed AS l JOIN bought AS b USING (cell, cover)
    )
    JOIN (SELECT cell, cover, sum(card_su)::HUGEINT AS all_su FROM (
        SELECT DISTINCT cell, cover, card, kind, card_su FROM listed WHERE cover IS NOT NULL
    ) GROUP BY ALL) USING (cell, cover)
),
-- Sums of a pool are cut down once; the remainder is the first card's, of time and of money.
covered AS MATERIALIZED (
    SELECT cell, card, kind, cover, taken, rest_nano IS NOT NULL OR rest_su = 0 AS is_priced,
        for_it + CASE WHEN place = 1 THEN pool_nano - sum(for_it) OVER pool ELSE 0 END AS cover_nano,
        CASE WHEN rest_su = 0 THEN 0 ELSE rest
            + CASE WHEN rest_place = 1 THEN rest_nano * sum(rest_su) OVER alike // 2594592000000000 - sum(rest) OVER alike
                ELSE 0 END END AS rest_cost
    FROM (
        SELECT *, nano * taken // (gpus * 2594592000000000) AS for_it,
            nano * least(room, all_su) // (gpus * 2594592000000000) AS pool_nano, card_su - taken AS rest_su,
            rest_nano * (card_su - taken) // 2594592000000000 AS rest,
            row_number() OVER (
                PARTITION BY cell, cover, rest_nano ORDER BY card_su - taken DESC, cluster, root, node, quantity
            ) AS rest_place
        FROM (
            SELECT *, cut + CASE WHEN place = 1 THEN least(room, all_su) - sum(cut) OVER pool ELSE 0 END AS taken
            FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY cell, cover ORDER BY card_su DESC, cluster, root, node, quantity
                ) AS place
                FROM member_of
            )
            WINDOW pool AS (PARTITION BY cell, cover)
        )
    )
    WINDOW pool AS (PARTITION BY cell, cover), alike AS (PARTITION BY cell, cover, rest_nano)
),
rated AS MATERIALIZED (
    SELECT l.* EXCLUDE (cover) REPLACE (
        CASE WHEN v.taken IS NULL THEN l.card_nano ELSE v.cover_nano + v.rest_cost END AS card_nano,
        CASE WHEN v.taken = l.card_su THEN coalesce(l.nano, 0) ELSE l.nano END AS nano)
    FROM listed AS l LEFT JOIN covered AS v USING (cell, card, kind)
),
-- What is paid for and does not run, with what rounding leaves.
unused AS (
    SELECT b.hour, b.sign, b.cover, b.cluster, b.gpu_model, paid - coalesce(sum(v.cover_nano) FILTER (is_priced), 0)
            AS unused_nano
    FROM bought AS b LEFT JOIN covered AS v USING (cell, cover)
    GROUP BY b.cell, b.hour, b.sign, b.cover, b.cluster, b.gpu_model, paid
),
-- without commitments
rated AS (
    SELECT * EXCLUDE (cover) FROM listed
),
-- end commitments
-- with split
-- The GPUs of a node beside which CPUs or memory without a price of their own are known, and these.  Where a node has
-- no GPU a method splits the price of its CPUs, if its memory is in it: then that costs 0 of its own.
member AS MATERIALIZED (
    SELECT *, sum(weight) FILTER (resource = '') OVER place AS gpu_weight,
        sum(weight) FILTER (resource = 'cpu') OVER place AS cpu_weight,
        sum(weight) FILTER (resource = 'memory') OVER place AS memory_weight,
        bool_or(gives AND card_nano IS NOT NULL) OVER place AS is_priced
    FROM (
        SELECT DISTINCT cell, cluster, node, card, kind, resource, card_nano, root, quantity,
            resource = '' OR (resource = 'cpu' AND nano IS NOT NULL) AS gives,
            -- milliseconds, by cores and GiB in whole numbers of one scale
            card_su::HUGEINT // 720720000 * CASE resource WHEN '' THEN 1024000
                WHEN 'cpu' THEN quantity * 1024 ELSE quantity // 1048576 * 1000 END AS weight
        FROM (SELECT *, bool_or(resource = '') OVER (PARTITION BY cell, cluster, node) AS has_gpu FROM rated)
        WHERE node <> '' AND CASE WHEN has_gpu THEN resource = '' OR (resource IN ('cpu', 'memory') AND nano IS NULL)
                ELSE $memory_part > 0 AND ((resource = 'cpu' AND nano IS NOT NULL) OR (resource = 'memory' AND nano = 0)) END
            AND (cluster, node) IN (SELECT (cluster, node) FROM rated WHERE resource IN ('cpu', 'memory'))
    )
    WINDOW place AS (PARTITION BY cell, cluster, node)
),
-- What a card gives up for the node's CPUs and memory; the rest, with what rounding leaves, stays on it.
given AS MATERIALIZED (
    SELECT m.*, CASE WHEN resource = '' THEN coalesce(card_nano * cpu_share // nullif(shares, 0), 0) ELSE 0 END AS for_cpu,
        coalesce(card_nano * memory_share // nullif(shares, 0), 0) AS for_memory
    FROM member AS m,
    LATERAL (
        SELECT coalesce($gpu_part * CASE WHEN $whole_parts THEN (gpu_weight > 0)::INT ELSE gpu_weight END, 0)
                AS gpu_share,
            coalesce($cpu_part * CASE WHEN $whole_parts THEN (cpu_weight > 0)::INT ELSE cpu_weight END, 0)
                AS cpu_share,
            coalesce($memory_part * CASE WHEN $whole_parts THEN (memory_weight > 0)::INT ELSE memory_weight END, 0)
                AS memory_share
    ),
    LATERAL (SELECT gpu_share + cpu_share + memory_share AS shares)
    WHERE gives AND card_nano IS NOT NULL
),
taken AS (
    SELECT cell, cluster, node, resource, sum(nano) AS pot
    FROM (
        SELECT cell, cluster, node, unnest(['cpu', 'memory']) AS resource, unnest([for_cpu, for_memory]) AS nano
        FROM given
    )
    GROUP BY ALL
),
-- The members' cost after the split; of equal parts of a pot what rounding leaves is the first one's.
resettled AS (
    SELECT cell, card, kind, card_nano - for_cpu - for_memory AS card_nano FROM given
    UNION ALL
    SELECT cell, card, kind, cut + CASE WHEN place = 1 THEN pot - sum(cut) OVER same ELSE 0 END
    FROM (
        SELECT m.cell, m.cluster, m.node, m.resource, m.card, m.kind, t.pot,
            coalesce(t.pot * weight // nullif(sum(weight) OVER same, 0), 0) AS cut,
            row_number() OVER (same ORDER BY weight DESC, m.root, m.quantity) AS place
        FROM member AS m JOIN taken AS t USING (cell, cluster, node, resource)
        WHERE is_priced AND NOT gives
        WINDOW same AS (PARTITION BY m.cell, m.cluster, m.node, m.resource)
    )
    WINDOW same AS (PARTITION BY cell, cluster, node, resource)
),
priced AS MATERIALIZED (
    SELECT r.* REPLACE (coalesce(s.card_nano, r.card_nano) AS card_nano,
        CASE WHEN s.card_nano IS NOT NULL THEN coalesce(r.nano, 0) ELSE r.nano END AS nano)
    FROM rated AS r LEFT JOIN resettled AS s USING (cell, card, kind)
),
-- without split
priced AS (
    FROM rated
),
-- end split
-- The card's cost is cut down to each holder, the remainder is the largest's, of equal ones the first's: the least of
-- what is sorted by both; then each holder's is split.
cut_down AS MATERIALIZED (
    SELECT *, card_nano * su // card_su AS cut, holder - su::HUGEINT * 4294967296 AS sorted FROM priced WHERE NOT is_alone
),
exact AS MATERIALIZED (
    SELECT c.* EXCLUDE (cut, sorted), cut + CASE WHEN sorted = first THEN card_nano - all_cut ELSE 0 END AS line_nano
    FROM cut_down AS c
    JOIN (SELECT cell, card, kind, min(sorted) AS first, sum(cut) AS all_cut FROM cut_down GROUP BY ALL)
        USING (cell, card, kind)
    UNION ALL BY NAME
    SELECT *, card_nano AS line_nano FROM priced WHERE is_alone
),
-- with dominant
-- By `dominant` a node's cost goes to its holders by the largest part that each has of its GPUs, CPUs or memory, in
-- parts of 10^12; the rest is nobody's (who is 0).  A pod's lines keep their proportion.
hold AS MATERIALIZED (
    SELECT cell, cluster, node, who, card, kind, holder, root, quantity, line_nano,
        1000000000000 * sum(weight) OVER (PARTITION BY cell, cluster, node, resource, who)
            // nullif(sum(weight) OVER (PARTITION BY cell, cluster, node, resource), 0) AS part
    FROM (
        SELECT e.*, coalesce(who, 0) AS who,
            (su // 720720)::HUGEINT * CASE resource WHEN '' THEN 1 ELSE quantity END AS weight
        FROM exact AS e
        LEFT JOIN (
            SELECT holder, min(holder) OVER (PARTITION BY cluster, namespace, pod, CASE WHEN pod = '' THEN holder END)
                    AS who
            FROM holders WHERE $dominant
        ) USING (holder)
        WHERE $dominant AND e.node <> '' AND line_nano IS NOT NULL AND resource IN ('', 'cpu', 'memory')
    )
),
dominant AS (
    SELECT cell, cluster, node, who, own_nano, taken + CASE WHEN place = 1 THEN pot - sum(taken) OVER spot ELSE 0 END
            AS who_nano
    FROM (
        SELECT *, coalesce(pot * part // greatest(1000000000000, parts), 0) AS taken,
            row_number() OVER (PARTITION BY cell, cluster, node ORDER BY who > 0, part DESC, who) AS place
        FROM (
            SELECT *, sum(own_nano) OVER spot AS pot, sum(part) OVER spot AS parts
            FROM (
                SELECT cell, cluster, node, who, sum(line_nano) AS own_nano, max(CASE WHEN who > 0 THEN part ELSE 0 END)
                        AS part
                FROM hold GROUP BY ALL
            )
            WINDOW spot AS (PARTITION BY cell, cluster, node)
        )
    )
    WINDOW spot AS (PARTITION BY cell, cluster, node)
),
moved AS (
    SELECT cell, card, kind, holder, cut + CASE WHEN place = 1 THEN who_nano - sum(cut) OVER own ELSE 0 END AS moved_nano
    FROM (
        SELECT h.*, who_nano, coalesce(who_nano * line_nano // nullif(own_nano, 0), 0) AS cut,
            row_number() OVER (own ORDER BY part DESC, line_nano DESC, root, quantity, holder) AS place
        FROM hold AS h JOIN dominant USING (cell, cluster, node, who)
        WINDOW own AS (PARTITION BY cell, cluster, node, who)
    )
    WINDOW own AS (PARTITION BY cell, cluster, node, who)
),
-- end dominant
-- What is held of a node's CPUs and memory counts as used as far as its use was not measured; so does a volume or a
-- load balancer, of which nothing measures it.
settled AS MATERIALIZED (
    SELECT cell, cluster, root, resource, quantity, holder, node, gpu_model, hour, sign, su, over_su, duplicated_su,
        busy_su, active_su, idle_held_su, observed_su, measured_su, used_su, nano, line_nano,
        CASE WHEN resource = '' OR measured_su > 0 THEN line_nano * busy_su // su ELSE line_nano END AS worked_nano,
        CASE WHEN holder > 0 THEN CASE WHEN h.is_shared THEN 'shared' ELSE 'held' END
            WHEN holder = 0 THEN 'cluster_idle' WHEN holder = -1 THEN 'stranded' ELSE 'unhealthy' END AS bucket
-- with dominant
    FROM (
        SELECT * REPLACE (coalesce(moved_nano, line_nano) AS line_nano)
        FROM exact LEFT JOIN moved USING (cell, card, kind, holder)
    )
-- without dominant
    FROM exact
-- end dominant
    LEFT JOIN (SELECT holder, is_shared FROM holders) AS h USING (holder)
),
-- with spread
-- What an hour of a cluster has to spread of a resource, over those in it who hold some of it for themselves.  Evenly
-- is by pod, however many devices each holds: the parts of a pod are exact up to 40 of them.
payer AS MATERIALIZED (
    SELECT *, sum(idle_weight) OVER pool AS idle_weights, sum(shared_weight) OVER pool AS shared_weights,
        sum(worked_nano) OVER pool AS worked
    FROM (
        SELECT cell, cluster, root, resource, holder, node, gpu_model, hour, worked_nano,
            CASE $idle WHEN 'none' THEN 0 WHEN 'even' THEN alike ELSE by_cost END AS idle_weight,
            CASE $shared WHEN 'none' THEN 0 WHEN 'even' THEN alike ELSE by_cost END AS shared_weight
        FROM (
            SELECT s.*, CASE WHEN $usage THEN worked_nano ELSE line_nano END AS by_cost,
                -- the least common multiple of 1 to 40, by the devices of the pod
                5342931457063200::HUGEINT // count(*) OVER (
                    PARTITION BY cell, s.cluster, resource, namespace, pod, CASE WHEN pod = '' THEN holder END
                ) AS alike
            FROM settled AS s LEFT JOIN (SELECT holder, namespace, pod FROM holders) USING (holder)
            WHERE bucket = 'held' AND line_nano IS NOT NULL AND ($usage OR $idle <> 'none' OR $shared <> 'none')
        )
    )
    WINDOW pool AS (PARTITION BY cell, cluster, resource)
),
pool AS MATERIALIZED (
    SELECT cell, cluster, resource, bool_or(idle_weights > 0) AS spreads_idle, bool_or(shared_weights > 0) AS spreads_shared,
        bool_or(worked > 0) AND $usage AS spreads_rest
    FROM payer GROUP BY ALL
),
pot AS (
    SELECT cell, cluster, resource,
        coalesce(sum(line_nano) FILTER (bucket = 'cluster_idle' AND spreads_idle), 0) AS cluster_idle,
        coalesce(sum(line_nano) FILTER (bucket = 'stranded' AND spreads_idle), 0) AS stranded,
        coalesce(sum(line_nano) FILTER (bucket = 'unhealthy' AND spreads_idle), 0) AS unhealthy,
        coalesce(sum(line_nano) FILTER (bucket = 'shared' AND spreads_shared), 0) AS shared,
        coalesce(sum(line_nano - worked_nano) FILTER (bucket = 'held' AND spreads_rest), 0) AS rest
    FROM settled JOIN pool USING (cell, cluster, resource)
    GROUP BY ALL
),
-- Each part is cut down, and what that leaves is the largest payer's.
part AS (
    SELECT p.*, t.* EXCLUDE (cell, cluster, resource),
        coalesce(t.cluster_idle * idle_weight // nullif(idle_weights, 0), 0) AS cluster_idle_cut,
        coalesce(t.stranded * idle_weight // nullif(idle_weights, 0), 0) AS stranded_cut,
        coalesce(t.unhealthy * idle_weight // nullif(idle_weights, 0), 0) AS unhealthy_cut,
        coalesce(t.shared * shared_weight // nullif(shared_weights, 0), 0) AS shared_cut,
        coalesce(t.rest * worked_nano // nullif(worked, 0), 0) AS rest_cut,
        row_number() OVER (PARTITION BY cell, cluster, resource ORDER BY idle_weight DESC, holder, root) AS idle_place,
        row_number() OVER (PARTITION BY cell, cluster, resource ORDER BY shared_weight DESC, holder, root) AS shared_place,
        row_number() OVER (PARTITION BY cell, cluster, resource ORDER BY worked_nano DESC, holder, root) AS worked_place
    FROM payer AS p JOIN pot AS t USING (cell, cluster, resource)
),
spread AS (
    SELECT cluster, root, resource, holder, node, gpu_model, hour, 0 AS used_nano,
        rest_cut + CASE WHEN worked_place = 1 THEN rest - sum(rest_cut) OVER pool ELSE 0 END AS workload_idle_nano,
        shared_cut + CASE WHEN shared_place = 1 THEN shared - sum(shared_cut) OVER pool ELSE 0 END AS shared_nano,
        cluster_idle_cut + CASE WHEN idle_place = 1 THEN cluster_idle - sum(cluster_idle_cut) OVER pool ELSE 0 END
            AS cluster_idle_nano,
        stranded_cut + CASE WHEN idle_place = 1 THEN stranded - sum(stranded_cut) OVER pool ELSE 0 END
            AS stranded_nano,
        unhealthy_cut + CASE WHEN idle_place = 1 THEN unhealthy - sum(unhealthy_cut) OVER pool ELSE 0 END
            AS unhealthy_nano
    FROM part
    WINDOW pool AS (PARTITION BY cell, cluster, resource)
),
-- without spread
pool AS (
    SELECT false AS spreads_idle, false AS spreads_shared, false AS spreads_rest
),
-- end spread
-- Where the cost stands before it is spread; what is spread is taken off here, its time stays.
own AS (
    SELECT cluster, root, resource, quantity, holder, node, gpu_model, hour, bucket, sign, su, over_su, duplicated_su,
        busy_su, active_su, idle_held_su, observed_su, measured_su, used_su, nano,
        CASE WHEN bucket = 'held' THEN sign * worked_nano ELSE 0 * worked_nano END AS used_nano,
        CASE WHEN bucket = 'held' THEN sign * CASE WHEN p.spreads_rest THEN 0 ELSE line_nano - worked_nano END END
            AS workload_idle_nano,
        CASE WHEN bucket = 'shared' THEN sign * CASE WHEN p.spreads_shared THEN 0 ELSE line_nano END END AS shared_nano,
        CASE WHEN bucket = 'cluster_idle' THEN sign * CASE WHEN p.spreads_idle THEN 0 ELSE line_nano END END
            AS cluster_idle_nano,
        CASE WHEN bucket = 'stranded' THEN sign * CASE WHEN p.spreads_idle THEN 0 ELSE line_nano END END
            AS stranded_nano,
        CASE WHEN bucket = 'unhealthy' THEN sign * CASE WHEN p.spreads_idle THEN 0 ELSE line_nano END END
            AS unhealthy_nano
-- with spread
    FROM settled LEFT JOIN pool AS p USING (cell, cluster, resource)
    UNION ALL BY NAME
    SELECT *, 'held' AS bucket, 1 AS sign, 0 AS su, 0 AS over_su, 0 AS duplicated_su, 0 AS busy_su, 0 AS active_su, 0 AS idle_held_su,
        0 AS observed_su, 0 AS measured_su, 0 AS used_su, 0 AS nano, 0 AS quantity
    FROM spread
-- without spread
    FROM settled, pool AS p
-- end spread
-- with commitments
    UNION ALL BY NAME
    SELECT cluster, 'commitment ' || cover AS root, '' AS resource, 0 AS holder, '' AS node, gpu_model, hour,
        'cluster_idle' AS bucket, sign, 0 AS su, 0 AS over_su, 0 AS duplicated_su, 0 AS busy_su, 0 AS active_su, 0 AS idle_held_su,
        0 AS observed_su, 0 AS measured_su, 0 AS used_su, 0 AS nano, 0 AS quantity, 0 AS used_nano, 0 AS workload_idle_nano, 0 AS shared_nano,
        sign * unused_nano AS cluster_idle_nano, 0 AS stranded_nano, 0 AS unhealthy_nano
    FROM unused WHERE unused_nano <> 0
-- end commitments
),
-- Hours are counted of GPUs; those of the rest only where they have no price.
timed AS (
    SELECT * REPLACE (su * gpu AS su, over_su * gpu AS over_su, busy_su * gpu AS busy_su, active_su * gpu AS active_su,
            idle_held_su * gpu AS idle_held_su, observed_su * gpu AS observed_su),
        CASE WHEN nano IS NULL AND gpu = 0 THEN su ELSE 0 END AS other_su,
        -- of a core a thousandth, of memory a MiB, times microseconds
        CASE resource WHEN 'cpu' THEN su::HUGEINT * parts // 720720 ELSE 0 END AS core_su,
        CASE WHEN resource = 'cpu' AND holder > 0 THEN (su - measured_su)::HUGEINT * parts // 720720 ELSE 0 END
            AS core_unmeasured_su,
        CASE resource WHEN 'cpu' THEN used_su::HUGEINT * parts // 720720 ELSE 0 END AS core_used_su,
        CASE resource WHEN 'memory' THEN su::HUGEINT * parts // 720720 ELSE 0 END AS memory_su,
        CASE WHEN resource = 'memory' AND holder > 0 THEN (su - measured_su)::HUGEINT * parts // 720720 ELSE 0 END
            AS memory_unmeasured_su,
        CASE resource WHEN 'memory' THEN used_su::HUGEINT * parts // 720720 ELSE 0 END AS memory_used_su
    FROM (
        SELECT *, (resource = '')::INT AS gpu, CASE resource WHEN 'memory' THEN quantity // 1048576 ELSE quantity END AS parts
        FROM own
    )
),
-- Who is called as a bucket is must not be taken for it: a namespace `stranded` holds what it holds.
named AS (
    SELECT * REPLACE (
        CASE WHEN team IN ('cluster_idle', 'stranded', 'unhealthy') THEN team || ' (team)' ELSE team END AS team,
        CASE WHEN cost_centre IN ('cluster_idle', 'stranded', 'unhealthy') THEN cost_centre || ' (cost_centre)' ELSE cost_centre END AS cost_centre,
        CASE WHEN environment IN ('cluster_idle', 'stranded', 'unhealthy') THEN environment || ' (environment)' ELSE environment END AS environment,
        CASE WHEN namespace IN ('cluster_idle', 'stranded', 'unhealthy') THEN namespace || ' (namespace)' ELSE namespace END AS namespace,
        CASE WHEN workload IN ('cluster_idle', 'stranded', 'unhealthy') THEN workload || ' (workload)' ELSE workload END AS workload,
        CASE WHEN pod IN ('cluster_idle', 'stranded', 'unhealthy') THEN pod || ' (pod)' ELSE pod END AS pod,
        CASE WHEN model IN ('cluster_idle', 'stranded', 'unhealthy') THEN model || ' (model)' ELSE model END AS model,
        CASE WHEN model_version IN ('cluster_idle', 'stranded', 'unhealthy') THEN model_version || ' (model_version)' ELSE model_version END AS model_version,
        CASE WHEN container IN ('cluster_idle', 'stranded', 'unhealthy') THEN container || ' (container)' ELSE container END AS container
    )
    FROM holders
)
SELECT
    CASE WHEN $by_team THEN CASE WHEN holder <= 0 THEN bucket
        WHEN bucket = 'shared' THEN coalesce(nullif(h.team, ''), 'shared')
        ELSE coalesce(nullif(h.team, ''), 'unowned') END END AS team,
    CASE WHEN $by_cost_centre THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.cost_centre, ''), 'none') END END AS cost_centre,
    CASE WHEN $by_environment THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.environment, ''), 'none') END END AS environment,
    CASE WHEN $by_namespace THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.namespace, ''), 'unknown') END END AS namespace,
    CASE WHEN $by_workload THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.workload, ''), 'unknown') END END AS workload,
    CASE WHEN $by_pod THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.pod, ''), 'unknown') END END AS pod,
    CASE WHEN $by_model THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.model, ''), 'none') END END AS model,
    CASE WHEN $by_model_version THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.model_version, ''), 'none') END END AS model_version,
    CASE WHEN $by_container THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.container, ''), 'unknown') END END AS container,
    CASE WHEN $by_labels THEN CASE WHEN holder <= 0 THEN bucket
        ELSE coalesce(nullif(h.labels, ''), 'none') END END AS labels,
    CASE WHEN $by_device THEN e.root END AS device,
    CASE WHEN $by_resource THEN coalesce(nullif(resource, ''), 'gpu') END AS resource,
    CASE WHEN $by_node THEN coalesce(nullif(e.node, ''), nullif(h.node, ''), 'unknown') END AS node,
    CASE WHEN $by_gpu_model THEN coalesce(nullif(resource, ''), nullif(e.gpu_model, ''), 'unknown') END AS gpu_model,
    CASE WHEN $by_cluster THEN e.cluster END AS cluster,
    CASE WHEN $by_hour THEN e.hour END AS hour,
    CASE WHEN $by_day THEN date_trunc('day', e.hour) END AS day,
    sum(CASE WHEN holder > 0 THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS allocated_su,
    sum(sign * active_su)::DECIMAL(38, 0) AS active_su,
    sum(sign * idle_held_su)::DECIMAL(38, 0) AS idle_held_su,
    sum(sign * busy_su)::DECIMAL(38, 0) AS busy_su,
    sum(CASE WHEN holder <= 0 THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS unallocated_su,
    sum(CASE WHEN bucket = 'held' THEN sign * busy_su ELSE 0 END)::DECIMAL(38, 0) AS used_su,
    sum(CASE WHEN bucket = 'held' THEN sign * (su - busy_su) ELSE 0 END)::DECIMAL(38, 0) AS workload_idle_su,
    sum(CASE WHEN bucket = 'shared' THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS shared_su,
    sum(CASE WHEN bucket = 'cluster_idle' THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS cluster_idle_su,
    sum(CASE WHEN bucket = 'stranded' THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS stranded_su,
    sum(CASE WHEN bucket = 'unhealthy' THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS unhealthy_su,
    sum(used_nano)::DECIMAL(38, 0) AS used_nano,
    sum(workload_idle_nano)::DECIMAL(38, 0) AS workload_idle_nano,
    sum(shared_nano)::DECIMAL(38, 0) AS shared_nano,
    sum(cluster_idle_nano)::DECIMAL(38, 0) AS cluster_idle_nano,
    sum(stranded_nano)::DECIMAL(38, 0) AS stranded_nano,
    sum(unhealthy_nano)::DECIMAL(38, 0) AS unhealthy_nano,
    sum(CASE WHEN nano IS NULL THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS unpriced_su,
    sum(sign * other_su)::DECIMAL(38, 0) AS unpriced_other_su,
    sum(sign * core_su)::DECIMAL(38, 0) AS core_su,
    sum(sign * memory_su)::DECIMAL(38, 0) AS memory_su,
    sum(sign * core_unmeasured_su)::DECIMAL(38, 0) AS core_unmeasured_su,
    sum(sign * core_used_su)::DECIMAL(38, 0) AS core_used_su,
    sum(sign * memory_unmeasured_su)::DECIMAL(38, 0) AS memory_unmeasured_su,
    sum(sign * memory_used_su)::DECIMAL(38, 0) AS memory_used_su,
    sum(sign * observed_su)::DECIMAL(38, 0) AS observed_su,
    sum(sign * over_su)::DECIMAL(38, 0) AS over_su,
    sum(sign * duplicated_su * gpu)::DECIMAL(38, 0) AS duplicated_su
FROM timed AS e
LEFT JOIN named AS h USING (holder)
GROUP BY ALL
HAVING sum(sign * su) <> 0 OR sum(sign * core_su) <> 0 OR sum(sign * memory_su) <> 0 OR sum(sign * other_su) <> 0
    OR sum(used_nano) <> 0 OR sum(workload_idle_nano) <> 0 OR sum(shared_nano) <> 0 OR sum(cluster_idle_nano) <> 0
    OR sum(stranded_nano) <> 0 OR sum(unhealthy_nano) <> 0
ORDER BY ALL
