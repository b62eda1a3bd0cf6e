-- Clusters that have a GPU of which no end is known.
SELECT DISTINCT cluster FROM devices_merged WHERE "end" IS NULL AND coalesce(resource, 'gpu') IN ('', 'gpu')
