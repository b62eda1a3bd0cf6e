-- Whether servers counted any request of $metric.
SELECT EXISTS (FROM latency_counts WHERE metric = $metric) AS ever
