-- Model versions with traffic in [$start, $end): logged one by one, or counted by their servers.
WITH
-- include counted_latency
SELECT model, model_version FROM prediction_sums WHERE minute >= $start AND minute < $end
UNION
SELECT model, model_version FROM counted
ORDER BY model, model_version
