-- The newest state of each alert in [$start, $end), with the receivers that took it.
SELECT
    a.alert_id AS alert, a.time, a.state, a.level, a.detector, a.model, a.model_version, a.since, a.detail,
    string_agg(DISTINCT d.receiver, ', ' ORDER BY d.receiver) AS taken_by
FROM alerts_merged a
LEFT JOIN alert_deliveries d ON d.alert_id = a.alert_id AND d.alerted = a.time
WHERE a.time >= $start AND a.time < $end
GROUP BY ALL
ORDER BY a.time DESC, alert
