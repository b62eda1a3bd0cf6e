-- Histogram of the score by model version in [$start, $end), over the bins of its reference.
-- Partial rows of a minute add up like any others, so the table itself is read and not its merged view;
-- the end of a row's span is reckoned for groups, since intervals cost more than the sums.
WITH spans AS (
    SELECT model, model_version, reference, bin, span_minutes, sum("count") AS "count", max(minute) AS minute
    FROM score_bins
    WHERE minute >= $start AND minute < $end
    GROUP BY ALL
)
SELECT
    model, model_version, reference, bin,
    CAST(sum("count") AS BIGINT) AS "count", max(minute + to_minutes(span_minutes - 1)) AS last
FROM spans
GROUP BY ALL
