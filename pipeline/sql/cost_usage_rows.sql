-- Rows of usage of the span: how much work its cost is.
SELECT count(*) AS rows FROM gpu_usage WHERE minute >= $span_start AND minute < $span_end
