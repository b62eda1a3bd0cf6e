-- What was booked and is on no statement yet.
SELECT * FROM adjustments AS a
WHERE adjustment_id NOT IN (SELECT reference FROM charges WHERE kind = 'adjustment')
ORDER BY time, adjustment_id
