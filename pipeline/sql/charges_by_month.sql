-- What each closed month's statement comes to, by team and currency.
SELECT month, team, currency, kind, sum(amount)::DECIMAL(38, 9) AS amount
FROM charges WHERE month < $before
GROUP BY ALL ORDER BY ALL
