-- The grain priced and summed by the asked dimensions, exact to the billionth.
--
-- Tables passed in: grain, holders, cells(cell, hour, a, b, sign), price(cluster ... capacity_type, a, b, nano)
-- with billionths a GPU-hour.  A window that starts inside a cell is the cell less (sign -1) its part before
-- the window.  Parameters: by_* flags.
WITH
priced AS (
    SELECT h.*, c.sign, c.hour, p.nano,
        -- 3600000000 microseconds an hour by 720720 units a card
        p.nano * sum(h.su) OVER card // 2594592000000000 AS card_nano,
        sum(h.su) OVER card AS card_su
    FROM grain AS h
    JOIN cells AS c USING (cell)
    LEFT JOIN price AS p USING (cluster, provider, region, instance_type, gpu_model, mig_profile, capacity_type)
    WHERE p.a IS NULL OR (p.a <= c.a AND c.a < p.b)
    WINDOW card AS (PARTITION BY cell, cluster, root, node, provider, region, instance_type, gpu_model, mig_profile,
        capacity_type)
),
-- The card's cost is cut down to each holder, the remainder is the largest's; then each holder's is split.
floored AS (
    SELECT *, card_nano * su // card_su AS cut,
        row_number() OVER (
            PARTITION BY cell, cluster, root, node, provider, region, instance_type, gpu_model, mig_profile,
                capacity_type
            ORDER BY su DESC, holder
        ) AS place
    FROM priced
),
exact AS (
    SELECT *, cut + CASE WHEN place = 1 THEN card_nano - sum(cut) OVER (
            PARTITION BY cell, cluster, root, node, provider, region, instance_type, gpu_model, mig_profile,
                capacity_type
        ) ELSE 0 END AS line_nano
    FROM floored
),
settled AS (
    SELECT * EXCLUDE (line_nano), sign * (line_nano * busy_su // su) AS used_nano,
        sign * (line_nano - line_nano * busy_su // su) AS rest_nano
    FROM exact
)
SELECT
    CASE WHEN $by_team THEN CASE WHEN holder = 0 THEN 'cluster_idle' ELSE coalesce(nullif(h.team, ''), 'unowned')
        END END AS team,
    CASE WHEN $by_namespace THEN CASE WHEN holder = 0 THEN 'cluster_idle'
        ELSE coalesce(nullif(h.namespace, ''), 'unknown') END END AS namespace,
    CASE WHEN $by_workload THEN CASE WHEN holder = 0 THEN 'cluster_idle'
        ELSE coalesce(nullif(h.workload, ''), 'unknown') END END AS workload,
    CASE WHEN $by_pod THEN CASE WHEN holder = 0 THEN 'cluster_idle'
        ELSE coalesce(nullif(h.pod, ''), 'unknown') END END AS pod,
    CASE WHEN $by_model THEN CASE WHEN holder = 0 THEN 'cluster_idle'
        ELSE coalesce(nullif(h.model, ''), 'none') END END AS model,
    CASE WHEN $by_model_version THEN CASE WHEN holder = 0 THEN 'cluster_idle'
        ELSE coalesce(nullif(h.model_version, ''), 'none') END END AS model_version,
    CASE WHEN $by_device THEN e.root END AS device,
    CASE WHEN $by_node THEN coalesce(nullif(e.node, ''), nullif(h.node, ''), 'unknown') END AS node,
    CASE WHEN $by_gpu_model THEN coalesce(nullif(e.gpu_model, ''), 'unknown') END AS gpu_model,
    CASE WHEN $by_cluster THEN e.cluster END AS cluster,
    CASE WHEN $by_hour THEN e.hour END AS hour,
    CASE WHEN $by_day THEN date_trunc('day', e.hour) END AS day,
    sum(CASE WHEN holder > 0 THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS allocated_su,
    sum(sign * active_su)::DECIMAL(38, 0) AS active_su,
    sum(sign * idle_held_su)::DECIMAL(38, 0) AS idle_held_su,
    sum(sign * busy_su)::DECIMAL(38, 0) AS busy_su,
    sum(CASE WHEN holder = 0 THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS unallocated_su,
    sum(used_nano)::DECIMAL(38, 0) AS used_nano,
    sum(CASE WHEN holder > 0 THEN rest_nano END)::DECIMAL(38, 0) AS workload_idle_nano,
    sum(CASE WHEN holder = 0 THEN rest_nano END)::DECIMAL(38, 0) AS cluster_idle_nano,
    sum(CASE WHEN nano IS NULL THEN sign * su ELSE 0 END)::DECIMAL(38, 0) AS unpriced_su,
    sum(sign * observed_su)::DECIMAL(38, 0) AS observed_su,
    sum(sign * over_su)::DECIMAL(38, 0) AS over_su
FROM settled AS e
LEFT JOIN holders AS h USING (holder)
GROUP BY ALL
HAVING sum(sign * su) <> 0 OR sum(used_nano) <> 0 OR sum(rest_nano) <> 0
ORDER BY ALL
