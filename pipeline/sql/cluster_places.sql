-- Provider and region of each cluster, where all its devices agree.
SELECT cluster,
    CASE WHEN count(DISTINCT nullif(provider, '')) = 1 THEN max(nullif(provider, '')) ELSE '' END AS provider,
    CASE WHEN count(DISTINCT nullif(region, '')) = 1 THEN max(nullif(region, '')) ELSE '' END AS region
FROM devices_merged
GROUP BY cluster
