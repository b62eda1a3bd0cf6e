-- Of the holders that were told in snapshots $first to $last: how far that reaches in each cluster, as cost_seen.sql
-- says it, from when on who holds what may be another, and whether it may be so at any time: what a partition's holders
-- have says what its usage is of, and a fact from before a listing anew can move what ended unseen before it.
-- Parameter: begins, the kind of gap that says when a listing began.
SELECT cluster, epoch_us(min(start)) AS first, epoch_us(max(greatest(coalesce(time, start), start))) AS as_of,
    bool_or(EXISTS (
        FROM devices AS d WHERE d.cluster = a.cluster AND d.device = a.device
            AND coalesce(nullif(d.parent_device, ''), d.device) <> d.device
    ) OR EXISTS (
        FROM gaps AS g WHERE g.kind = $begins AND g.cluster = a.cluster AND g."end" > a.time
    )) AS is_any
FROM lake.table_insertions('allocations', $first, $last) AS a
GROUP BY cluster
