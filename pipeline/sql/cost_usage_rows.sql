-- Rows of usage of the span: how much work its cost is.
SELECT (SELECT count(*) FROM gpu_usage WHERE minute >= $span_start AND minute < $span_end)
    + (SELECT count(*) FROM process_usage WHERE minute >= $span_start AND minute < $span_end) // 10 AS rows
