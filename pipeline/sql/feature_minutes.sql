-- Histograms of $model by minute in [$start, $end), over the bins of $reference.
-- Rows are partial and in no order: whoever reads them adds integers, which gives the same sums in any order.
SELECT model_version, minute, feature, bin, "count"
FROM feature_bins
WHERE model = $model AND reference = $reference AND minute >= $start AND minute < $end
