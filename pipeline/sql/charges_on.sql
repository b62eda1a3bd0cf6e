-- What the statement of one closed month charges.
SELECT * FROM charges WHERE month = $month
