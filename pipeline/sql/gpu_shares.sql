-- Whether anybody was ever told to hold less than all of a device: who they are is looked up only then.
SELECT 1 AS is_any FROM allocations WHERE share_units < device_units LIMIT 1
