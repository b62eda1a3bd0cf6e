-- Every month that was closed.
SELECT month, hash, time, snapshot, previous, currency, price_book, rule, inputs, header, program, actor
FROM closings_merged
ORDER BY ALL
