-- Whether any process of a pod was seen on a device in the span.
SELECT count(*) AS rows FROM (
    SELECT 1 FROM process_usage WHERE minute >= $span_start AND minute < $span_end LIMIT 1
)
