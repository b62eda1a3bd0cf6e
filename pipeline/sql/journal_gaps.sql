-- What the sources of predictions and labels in $cluster are known to have missed in [$start, $end).
SELECT source, kind, coalesce(CAST(lost AS VARCHAR), 'an unknown number of') AS lost
FROM gaps_merged
WHERE (cluster = $cluster OR cluster IS NULL) AND start < $end AND "end" > $start
  AND (starts_with(source, 'inference') OR starts_with(source, 'label'))
ORDER BY source, kind, start
