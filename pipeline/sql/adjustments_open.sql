-- What was booked and is on no statement yet; the same booking made by two at once is one.
SELECT * FROM adjustments AS a
WHERE adjustment_id NOT IN (SELECT reference FROM charges WHERE kind = 'adjustment')
QUALIFY row_number() OVER (PARTITION BY adjustment_id ORDER BY time, actor) = 1
ORDER BY time, adjustment_id
