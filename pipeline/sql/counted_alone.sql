-- Model versions of which requests in [$start, $end) were counted by their servers.
WITH
-- include counted_latency
SELECT DISTINCT model, model_version FROM counted
