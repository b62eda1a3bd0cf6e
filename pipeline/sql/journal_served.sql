-- Versions of $model with their traffic until each of $ends, logged one by one or else counted by their servers, the newest
-- ok verdicts of each of $detectors on at least $min_count events that were reached while the version served, and
-- the newest act verdict of $triggers.
WITH ends AS (
    SELECT unnest(CAST($ends AS TIMESTAMP[])) AS until
),
logged AS (
    SELECT model_version, minute, max(span_minutes) AS span_minutes, sum("count") AS predictions
    FROM prediction_sums
    WHERE model = $model AND minute < list_max(CAST($ends AS TIMESTAMP[]))
    GROUP BY ALL
),
counted AS (
    SELECT model_version, minute, max(span_minutes) AS span_minutes, max(requests) AS predictions
    FROM (SELECT model_version, minute, histogram, max(span_minutes) AS span_minutes, sum("count") AS requests
          FROM latency_counts
          WHERE model = $model AND metric = $metric AND minute < list_max(CAST($ends AS TIMESTAMP[]))
          GROUP BY ALL)
    GROUP BY ALL
),
traffic AS (
    FROM logged
    UNION ALL
    SELECT c.* FROM counted AS c ANTI JOIN logged AS l ON l.model_version = c.model_version AND l.minute = c.minute
),
served AS (
    SELECT until, model_version, min(minute) AS first, max(minute + to_minutes(span_minutes - 1)) AS last, sum(predictions) AS predictions
    FROM traffic JOIN ends ON minute < until
    GROUP BY ALL
),
verdicts AS (
    SELECT
        time, model_version, detector, level,
        CAST(content ->> 'count' AS BIGINT) AS events,
        CAST(rtrim(content ->> 'start', 'Z') AS TIMESTAMP) AS start,
        CAST(rtrim(content ->> 'end', 'Z') AS TIMESTAMP) AS "end"
    FROM (SELECT time, model_version, detector, level, CAST(content AS JSON) AS content
          FROM findings_merged
          WHERE model = $model AND list_contains(list_concat($triggers, $detectors), detector) AND level IN ('ok', 'act') AND time <= list_max(CAST($ends AS TIMESTAMP[])))
),
fine AS (
    SELECT v.time, v.model_version, v.detector, v."end", v.events
    FROM verdicts v
    WHERE list_contains($detectors, v.detector) AND v.level = 'ok' AND v.events >= $min_count
      AND EXISTS (FROM traffic t
                  WHERE t.model_version = v.model_version AND t.minute < v."end"
                    AND t.minute + to_minutes(span_minutes) > v.start)
),
newest AS (
    SELECT until, model_version, detector, max("end") AS good_at, arg_max(events, "end") AS good_count
    FROM fine JOIN ends ON time <= until
    GROUP BY ALL
),
good AS (
    SELECT until, model_version, min(good_at) AS good_at, min(good_count) AS good_count
    FROM newest
    GROUP BY until, model_version
    HAVING count(*) = len($detectors)
),
bad AS (
    SELECT until, model_version, max("end") AS bad_at
    FROM verdicts JOIN ends ON time <= until
    WHERE level = 'act' AND list_contains($triggers, detector)
    GROUP BY ALL
)
SELECT
    s.until, s.model_version AS version, s.first, s.last,
    CAST(s.predictions AS BIGINT) AS predictions,
    g.good_at, CAST(coalesce(g.good_count, 0) AS BIGINT) AS good_count, b.bad_at
FROM served s
LEFT JOIN good g USING (until, model_version)
LEFT JOIN bad b USING (until, model_version)
ORDER BY s.until, s.first, version
