"""Old states are let go, except those that something names; then the files that only they needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.lake import lease
from pipeline.lake.connect import METADATA
from pipeline.lake.parts import Parts
from pipeline.maintenance.shift import Shift

CHUNK = 2_000
"""Snapshots let go in one transaction."""
DAY = timedelta(days=1)


def expire(shift: Shift) -> int:
    """Snapshots let go."""
    store, now = shift.store, shift.started
    since = now - timedelta(days=shift.settings.verdict_days)
    kept = set(store.query("kept_snapshots", verdicts_since=since)["snapshot"].to_pylist())
    before = now - timedelta(hours=shift.settings.snapshot_hours)
    with store.transaction() as con:
        # The newest stays whatever its age; the lake would refuse to let it go.
        old = con.execute(
            f"SELECT snapshot_id FROM {METADATA}.ducklake_snapshot "
            "WHERE CAST(CAST(snapshot_time AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) < $before "
            f"AND snapshot_id < (SELECT max(snapshot_id) FROM {METADATA}.ducklake_snapshot) ORDER BY ALL",
            {"before": before},
        ).fetchall()
    gone = [identity for (identity,) in old if identity not in kept]
    for first in range(0, len(gone), CHUNK):
        with shift.turn.change() as con:
            con.execute(f"CALL ducklake_expire_snapshots('lake', versions => {gone[first : first + CHUNK]})")
    return len(gone)


def clean(shift: Shift) -> int:
    """Files deleted that no state needs any more, each after its grace."""
    grace = timedelta(hours=shift.settings.grace_hours)
    if not shift.store.location.is_shared:
        # In a SQLite catalog the lake compares these times as texts whose days alone agree.
        grace += DAY
    return _delete(shift, "ducklake_cleanup_old_files", shift.started - grace)


def sweep(shift: Shift) -> int:
    """Files deleted that no commit knows, left by writers that died; looked for once a day."""
    with shift.store.transaction() as con:
        if shift.started - lease.swept(con) < DAY:
            return 0
    age = timedelta(hours=shift.settings.orphan_hours)
    deleted = _delete(shift, "ducklake_delete_orphaned_files", shift.started - age)
    with shift.turn.change() as con:
        lease.sweep(con, shift.started)
    return deleted


def forget(shift: Shift) -> int:
    """Parts of answers deleted that nobody has read for long."""
    return Parts.of(shift.store.location).forget(shift.started.replace(tzinfo=UTC).timestamp())


def _delete(shift: Shift, function: str, before: datetime) -> int:
    with shift.turn.change() as con:
        call = f"CALL {function}('lake', older_than => TIMESTAMPTZ '{before.isoformat(' ')}+00')"
        return len(con.execute(call).fetchall())
