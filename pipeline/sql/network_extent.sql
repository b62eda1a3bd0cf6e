-- From when to when the ledger knows of flows; nulls where it knows none.
SELECT min(minute) AS first, max(minute + to_minutes(span_minutes)) AS last FROM network_usage
