-- Rows that a reference keeps of its own, in the order of time.
SELECT content FROM reference_samples WHERE reference = $reference ORDER BY row, content
