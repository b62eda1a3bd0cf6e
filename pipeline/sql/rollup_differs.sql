-- Hours of devices whose cost would be another one if it were computed from hours: they keep their minutes.
-- Tables passed in: fine and coarse, the grain from minutes and from hours; cells, inventory; hours, the usage.
WITH
differing AS (
    (SELECT * EXCLUDE (card, kind) FROM fine EXCEPT SELECT * EXCLUDE (card, kind) FROM coarse)
    UNION (SELECT * EXCLUDE (card, kind) FROM coarse EXCEPT SELECT * EXCLUDE (card, kind) FROM fine)
),
cards AS (
    SELECT DISTINCT hour, cluster, root FROM differing JOIN cells USING (cell)
),
known AS (
    SELECT cluster, device, arg_max(root, a) AS root FROM inventory GROUP BY ALL
)
SELECT h.cluster, h.device, c.hour
FROM hours AS h
LEFT JOIN known AS k ON k.cluster = h.cluster AND k.device = h.device
JOIN cards AS c ON c.cluster = h.cluster AND c.root = coalesce(k.root, h.device)
    AND c.hour = date_trunc('hour', h.minute)
