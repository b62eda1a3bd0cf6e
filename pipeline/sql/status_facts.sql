-- How many rows of each kind of fact a cluster has, and of which time; '' where facts name no cluster.
SELECT 'gpu_usage' AS fact, cluster, count(*) AS rows, min(minute) AS first, max(minute + to_minutes(span_minutes)) AS newest
FROM gpu_usage GROUP BY cluster
UNION ALL
SELECT 'process_usage', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM process_usage GROUP BY cluster
UNION ALL
SELECT 'allocations', cluster, count(*), min(start), max(greatest(coalesce(time, start), start))
FROM allocations GROUP BY cluster
UNION ALL
SELECT 'devices', cluster, count(*), min(start), max(greatest(coalesce(time, start), start))
FROM devices GROUP BY cluster
UNION ALL
SELECT 'gpu_conditions', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM gpu_conditions GROUP BY cluster
UNION ALL
SELECT 'network_usage', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM network_usage GROUP BY cluster
UNION ALL
SELECT 'network_outcomes', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM network_outcomes GROUP BY cluster
UNION ALL
SELECT 'latency_bins', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM latency_bins GROUP BY cluster
UNION ALL
SELECT 'latency_counts', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM latency_counts GROUP BY cluster
UNION ALL
SELECT 'serving_counters', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM serving_counters GROUP BY cluster
UNION ALL
SELECT 'prediction_sums', cluster, count(*), min(minute), max(minute + to_minutes(span_minutes))
FROM prediction_sums GROUP BY cluster
UNION ALL
SELECT 'feature_bins', '', count(*), min(minute), max(minute + to_minutes(span_minutes)) FROM feature_bins HAVING count(*) > 0
UNION ALL
SELECT 'score_bins', '', count(*), min(minute), max(minute) + INTERVAL 1 MINUTE FROM score_bins HAVING count(*) > 0
UNION ALL
SELECT 'feature_samples', '', count(*), min(time), max(time) FROM feature_samples HAVING count(*) > 0
UNION ALL
SELECT 'reference_samples', '', count(*), NULL, NULL FROM reference_samples HAVING count(*) > 0
UNION ALL
SELECT 'predictions', '', count(*), min(time), max(time) FROM predictions HAVING count(*) > 0
UNION ALL
SELECT 'references', '', count(*), min(time), max(time) FROM "references" HAVING count(*) > 0
UNION ALL
SELECT 'labels', '', count(*), min(time), max(time) FROM labels HAVING count(*) > 0
UNION ALL
SELECT 'findings', '', count(*), min(time), max(time) FROM findings HAVING count(*) > 0
UNION ALL
SELECT 'actions', cluster, count(*), min(time), max(time) FROM actions GROUP BY cluster
UNION ALL
SELECT 'counted_by', '', count(*), min(time), max(time) FROM counted_by HAVING count(*) > 0
UNION ALL
SELECT 'revisions', cluster, count(*), min(time), max(time) FROM revisions GROUP BY cluster
UNION ALL
SELECT 'alerts', '', count(*), min(time), max(time) FROM alerts HAVING count(*) > 0
UNION ALL
SELECT 'alert_deliveries', '', count(*), min(time), max(time) FROM alert_deliveries HAVING count(*) > 0
UNION ALL
SELECT 'repairs', '', count(*), min(time), max(time) FROM repairs HAVING count(*) > 0
UNION ALL
SELECT 'outcomes', '', count(*), min(time), max(time) FROM outcomes HAVING count(*) > 0
UNION ALL
SELECT 'closings', '', count(*), min(month), max(time) FROM closings HAVING count(*) > 0
UNION ALL
SELECT 'charges', '', count(*), min(charge_month), max(month) FROM charges HAVING count(*) > 0
UNION ALL
SELECT 'adjustments', '', count(*), min(time), max(time) FROM adjustments HAVING count(*) > 0
UNION ALL
SELECT 'replies', '', count(*), min(time), max(time) FROM replies HAVING count(*) > 0
UNION ALL
SELECT 'deliveries', '', count(*), min(time), max(time) FROM deliveries HAVING count(*) > 0
ORDER BY fact, cluster
