-- Models that an evaluator has ever scored.
SELECT DISTINCT model FROM labels WHERE score IS NOT NULL ORDER BY model
