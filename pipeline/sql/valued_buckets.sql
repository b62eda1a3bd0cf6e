-- A common table, for a WITH: `valued`, what the histograms of `parts` (source, low, high, n) count, with `first` and `last`:
-- from where to where the values of a bucket are laid out.  Of an exponential histogram, ours too, both are
-- 2 base^(i+1) / (base + 1).
valued AS (
    SELECT * EXCLUDE (middle), coalesce(middle, low) AS first, coalesce(middle, high) AS last
    FROM (
        SELECT
            *,
            CASE
                WHEN high = 'inf'::DOUBLE THEN low
                WHEN source = 'requests' OR contains(source, 'exponential') OR contains(source, 'native')
                    THEN CASE WHEN high = 0 THEN 0 ELSE 2 * low * high / (low + high) END
            END AS middle
        FROM parts
    )
)
