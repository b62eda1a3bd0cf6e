-- Up to when minutes of any fact are rolled up to hours.
SELECT max(until) AS until FROM maintenance_rollup
