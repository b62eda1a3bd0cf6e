-- What all statements so far charge for the usage of one month, by what a charge is told apart by.
SELECT charge_month, 'usage' AS kind, '' AS reference, '' AS detail, any_value(currency) AS currency,
    team, cost_centre, environment, namespace, workload, model, model_version, cluster, device, gpu_model,
    sum(allocated_hours)::DECIMAL(38, 6) AS allocated_hours, sum(active_hours)::DECIMAL(38, 6) AS active_hours,
    sum(idle_held_hours)::DECIMAL(38, 6) AS idle_held_hours, sum(busy_hours)::DECIMAL(38, 6) AS busy_hours,
    sum(unallocated_hours)::DECIMAL(38, 6) AS unallocated_hours,
    sum(unpriced_hours)::DECIMAL(38, 6) AS unpriced_hours,
    sum(used_cost)::DECIMAL(38, 9) AS used_cost, sum(workload_idle_cost)::DECIMAL(38, 9) AS workload_idle_cost,
    sum(shared_cost)::DECIMAL(38, 9) AS shared_cost, sum(cluster_idle_cost)::DECIMAL(38, 9) AS cluster_idle_cost,
    sum(stranded_cost)::DECIMAL(38, 9) AS stranded_cost, sum(unhealthy_cost)::DECIMAL(38, 9) AS unhealthy_cost,
    sum(amount)::DECIMAL(38, 9) AS amount
FROM charges
WHERE charge_month = $month AND kind IN ('usage', 'correction')
GROUP BY ALL
