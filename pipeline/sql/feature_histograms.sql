-- Histogram of each feature, and of the score, by model version in [$start, $end), over the bins of its reference.
SELECT
    model, model_version, reference, feature,
    list(bin ORDER BY bin) AS bins, list("count" ORDER BY bin) AS counts, max(last) AS last
FROM (
    SELECT model, model_version, reference, feature, bin, CAST(sum("count") AS BIGINT) AS "count", max(minute) AS last
    FROM feature_bins
    WHERE minute >= $start AND minute < $end
    GROUP BY ALL
    UNION ALL
    SELECT model, model_version, reference, $score, bin, CAST(sum("count") AS BIGINT), max(minute)
    FROM score_bins
    WHERE minute >= $start AND minute < $end
    GROUP BY ALL
)
GROUP BY model, model_version, reference, feature
ORDER BY model, model_version, reference, feature
