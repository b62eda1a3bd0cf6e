-- The first minute in which a GPU was seen.
SELECT min(minute) AS first FROM gpu_usage
