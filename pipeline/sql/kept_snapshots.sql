-- Snapshots that something in the ledger names, and that stay readable: those of every decision, and those of
-- the verdicts since $verdicts_since and those of closed months.  Whatever else names snapshots is united here.
SELECT snapshot FROM actions WHERE snapshot IS NOT NULL
UNION
SELECT snapshot FROM findings WHERE snapshot IS NOT NULL AND time >= $verdicts_since
UNION
SELECT snapshot FROM closings WHERE snapshot IS NOT NULL
