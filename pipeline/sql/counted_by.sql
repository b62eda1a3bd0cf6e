-- What costs were counted by, by its SHA-256: one row, or none.
SELECT content FROM counted_by WHERE identity = $identity LIMIT 1
