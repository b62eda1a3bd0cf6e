-- Snapshots that something in the ledger names, and that stay readable: those of every decision, and those of
-- the verdicts since $verdicts_since.  Whatever else names snapshots, such as closed months, is united here.
SELECT snapshot FROM actions WHERE snapshot IS NOT NULL
UNION
SELECT snapshot FROM findings WHERE snapshot IS NOT NULL AND time >= $verdicts_since
