-- The hash of the month that was closed last, or ''.
SELECT head FROM closing_chain
