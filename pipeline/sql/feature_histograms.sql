-- Histogram of each feature by model version in [$start, $end), over the bins of its reference.
-- Partial rows of a minute add up like any others, so the table itself is read and not its merged view;
-- the last minute of a row is reckoned as a number, since intervals cost more than the sums.
SELECT
    model, model_version, reference, feature, bin, CAST(sum("count") AS BIGINT) AS "count",
    make_timestamp(max(epoch_us(minute) + 60_000_000::BIGINT * (span_minutes - 1))) AS last
FROM feature_bins
WHERE minute >= $start AND minute < $end
GROUP BY ALL
