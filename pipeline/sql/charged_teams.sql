-- Every team that a closed month charges.
SELECT DISTINCT team FROM charges
