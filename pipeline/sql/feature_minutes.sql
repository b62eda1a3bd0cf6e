-- Histograms of $model by minute in [$start, $end), over the bins of $reference.
SELECT model_version, minute, feature, bin, CAST(sum("count") AS BIGINT) AS "count"
FROM feature_bins
WHERE model = $model AND reference = $reference AND minute >= $start AND minute < $end
GROUP BY ALL
ORDER BY model_version, minute, feature, bin
