-- What is known to be missing of requests and labels between $start and $end, by kind of loss.
WITH
-- include serving_losses
SELECT kind, count(*)::BIGINT AS gaps, sum(lost)::BIGINT AS lost, count(*) FILTER (WHERE lost IS NULL)::BIGINT AS uncounted
FROM missed
GROUP BY kind ORDER BY kind
