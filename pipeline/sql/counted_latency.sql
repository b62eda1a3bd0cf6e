-- Common tables, for a WITH: `counted`, the rows of latency_counts of $metric in [$start, $end) that count.
-- What speaks of the same requests counts once, by the hour: requests that were logged one by one, in latency_bins, go
-- before all histograms, and of those the first kind of $histograms goes before the others.  An hour gives way if the
-- hour before or after has the better kind: the interval of a bucket, which is at most an hour, may reach over the edge.
-- Clusters are apart, and namespaces; where one of two rows names no cluster, or no namespace, they may be the same.  The
-- namespace of what a client measured is the client's: it says nothing of the server's.
told AS (
    SELECT DISTINCT
        model, cluster, CASE WHEN starts_with(histogram, 'otel-client') THEN '' ELSE namespace END AS namespace,
        date_trunc('hour', minute) AS hour, list_position($histograms, histogram) AS rank
    FROM latency_counts
    WHERE metric = $metric AND minute >= date_trunc('hour', $start::TIMESTAMP) - INTERVAL 1 HOUR
        AND minute < $end::TIMESTAMP + INTERVAL 2 HOURS
),
known AS (
    FROM told
    UNION ALL
    SELECT DISTINCT model, cluster, namespace, date_trunc('hour', minute) AS hour, 0 AS rank
    FROM latency_bins
    WHERE metric = $metric AND minute >= date_trunc('hour', $start::TIMESTAMP) - INTERVAL 1 HOUR
        AND minute < $end::TIMESTAMP + INTERVAL 2 HOURS AND model IN (SELECT model FROM told)
),
best AS (
    SELECT model, cluster, namespace, hour + to_hours(away) AS hour, min(rank) AS rank
    FROM known, (VALUES (-1), (0), (1)) AS near(away)
    GROUP BY ALL
),
lost AS (
    SELECT DISTINCT t.*
    FROM told AS t JOIN best AS b USING (model, hour)
    WHERE b.rank < t.rank AND (b.cluster = t.cluster OR b.cluster = '' OR t.cluster = '')
        AND (b.namespace = t.namespace OR b.namespace = '' OR t.namespace = '')
),
counted AS (
    SELECT c.*
    FROM latency_counts AS c
    ANTI JOIN lost AS l
        ON c.model = l.model AND c.cluster = l.cluster
        AND CASE WHEN starts_with(c.histogram, 'otel-client') THEN '' ELSE c.namespace END = l.namespace
        AND date_trunc('hour', c.minute) = l.hour
        AND list_position($histograms, c.histogram) = l.rank
    WHERE c.metric = $metric AND c.minute >= $start AND c.minute < $end
)
