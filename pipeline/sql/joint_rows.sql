-- A uniform sample of the events of a version, or with null of all, in [$start, $end), $most rows at most, in
-- the order of time.  An hour of a version that is full holds every event below its highest rank and no other:
-- below the least such rank every event is there, and nothing else is taken (Cohen and Kaplan 2007).
WITH kept AS (
    SELECT model_version, hour, rank, rows_an_hour, time, content
    FROM feature_samples_merged
    WHERE hour >= date_trunc('hour', $start::TIMESTAMP) AND hour < $end AND model = $model
        AND model_version = coalesce($version, model_version) AND reference = $reference
),
full_hours AS (
    SELECT max(rank) AS highest FROM kept GROUP BY hour, model_version HAVING count(*) >= any_value(rows_an_hour)
)
SELECT time, content FROM (
    SELECT time, rank, content
    FROM kept
    WHERE time >= $start AND time < $end AND rank < coalesce((SELECT min(highest) FROM full_hours), 1 + rank)
    ORDER BY rank, content LIMIT $most
)
ORDER BY time, rank, content
