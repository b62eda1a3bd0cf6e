"""Maintenance makes a ledger small and quick, and changes no answer, whoever writes, dies or wakes."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import NotFound, StaleWatermark
from pipeline.lake.connect import METADATA
from pipeline.lake.lease import LeaseHeld
from pipeline.lake.watermarks import Advance
from pipeline.maintenance.run import run
from pipeline.maintenance.shift import Shift
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Batch, Store
from tests.gpu_batches import batch, samples, usage
from tests.lake.test_places import _KILLED
from tests.lake.test_store import ROOT
from tests.ledger import write

SETTINGS = MaintenanceSettings(rollup_days=36_500)
"""The rows of these tests are of 1970, and stay minutes."""
LATER = timedelta(days=3)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def files(store: Store) -> int:
    with store.transaction() as con:
        found = con.execute(f"SELECT count(*) FROM glob('{store.location.data_path}**')").fetchone()
    assert found
    return int(found[0])


def known(store: Store) -> int:
    parts = [
        f"SELECT count(*) AS n FROM {METADATA}.{table}"
        for table in ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
    ]
    with store.transaction() as con:
        found = con.execute(f"SELECT sum(n) FROM ({' UNION ALL '.join(parts)})").fetchone()
    assert found
    return int(found[0])


def test_many_small_files_become_few_and_the_past_that_is_named_stays(place):
    """Without it every answer gets slower each day; with it a rollback must still be explained in a year."""
    with Store.open(place) as store:
        named = []
        for offset in range(30):
            store.append(batch(offset - 1, offset))
            named += [store.snapshot()] if offset in (10, 20) else []
        write(store, actions=[{"action_id": "a", "state": "proposed", "time": now(), "snapshot": named[0]}])
        write(store, findings=[{"detector": "drift", "time": now(), "snapshot": named[1]}])
        before, whole = files(store), store.rows("gpu_usage")
        report = run(store, now() + LATER, SETTINGS)
        assert [s.name for s in report.steps if s.detail] == [] and report.held_by == ""
        run(store, now() + 2 * LATER, SETTINGS)
        assert store.rows("gpu_usage").equals(whole) and store.watermark("t", 0).offset == 29
        assert files(store) == known(store) < before / 4
        for snapshot, count in zip(named, (11, 21), strict=True):
            with Store.open(place, snapshot=snapshot) as past:
                assert samples(past) == count * 20
        with pytest.raises(NotFound):
            Store.open(place, snapshot=named[0] + 1)
        store.append(batch(29, 30))


def test_files_of_a_writer_that_died_are_deleted(place):
    """Each kill -9 leaves its files behind; nobody else would ever remove them, and buckets cost money."""
    Store.open(place).close()
    code = _KILLED.format(folder=str(place.folder), catalog=place.catalog, data=place.data)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(place) as store:
        store.append(batch(-1, 0))
        assert files(store) == known(store) + 1
        run(store, now(), SETTINGS)
        assert files(store) == known(store) + 1, "a file of this hour may belong to a commit under way"
        run(store, now() + LATER, SETTINGS)
        assert files(store) == known(store) and samples(store) == 20


def test_a_replaced_file_stays_for_those_who_still_read_it(place):
    """A report that runs for minutes must not end in `Cannot open file`."""
    with Store.open(place) as store:
        for offset in range(20):
            store.append(batch(offset - 1, offset))
        before = files(store)
        run(store, now(), SETTINGS)
        assert files(store) > before


def test_one_maintainer_works_and_a_paused_one_changes_nothing(place):
    """Every replica of the worker runs a maintainer; a frozen one that wakes up must not work on old news."""
    with Store.open(place) as mine, Store.open(place) as other:
        old = Shift(mine, now(), SETTINGS, "old")
        old.turn.begin()
        assert run(other, now(), SETTINGS, holder="new").held_by == "old"
        expired = now() + timedelta(seconds=SETTINGS.lease_seconds + 60)
        assert run(other, expired, SETTINGS, holder="new").steps
        with pytest.raises(LeaseHeld), old.turn.change():
            raise AssertionError("the lease is not ours any more")
        again = Shift(other, expired, SETTINGS, "again")
        again.turn.begin()
        assert run(mine, expired, SETTINGS, holder="late").held_by == "again"


def test_of_two_that_take_an_expired_lease_at_once_one_gets_it(shared):
    """Two maintainers would expire and delete from two views of the ledger."""
    with Store.open(shared) as mine, Store.open(shared) as other:
        with pytest.raises(StaleWatermark), mine.transaction() as con:
            from pipeline.lake import lease

            lease.take(con, "mine", now(), now() + LATER, lease.MAINTENANCE)
            Shift(other, now(), SETTINGS, "other").turn.begin()
        assert run(mine, now(), SETTINGS, holder="mine").held_by == "other"


def test_writers_lose_nothing_while_maintenance_runs(place):
    """Merging and flushing meet commits of the same tables all day long."""
    commits = 12

    def work(partition: int) -> None:
        with Store.open(place) as store:
            for offset in range(commits):
                while store.watermark("t", partition).offset < offset:
                    moved = Advance("t", partition, offset - 1, offset, {})
                    try:
                        store.append(Batch({"gpu_usage": usage(20)}, (moved,)))
                    except StaleWatermark:
                        continue

    eager = replace(SETTINGS, snapshot_hours=1)
    with Store.open(place) as store, ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(work, partition) for partition in range(2)]
        rounds = 0
        while not all(w.done() for w in writers) or rounds < 2:
            assert run(store, now() + timedelta(hours=2 + rounds), eager).steps
            rounds += 1
        assert [w.result() for w in writers] == [None, None]
        assert samples(store) == 2 * commits * 20


def test_a_backup_is_a_copy_of_the_catalog_and_then_of_the_data(tmp_path, postgres):
    """A backup that was never restored is a hope."""
    import shutil
    import sqlite3

    from pipeline.lake.location import Location
    from pipeline.rig.postgres import programs

    def copied_sqlite(location: Location) -> Location:
        (tmp_path / "restored").mkdir()
        with (
            sqlite3.connect(location.sqlite) as live,
            sqlite3.connect(tmp_path / "restored/catalog.sqlite") as copy,
        ):
            live.backup(copy)
        return Location(tmp_path / "restored", data=str(tmp_path / "files"))

    def copied_postgres(location: Location) -> Location:
        target, tools = postgres.url(), programs()
        dump = subprocess.run([tools / "pg_dump", location.catalog], capture_output=True, check=True)
        subprocess.run([tools / "psql", "-qX", target], input=dump.stdout, capture_output=True, check=True)
        return Location(tmp_path / "none", target, str(tmp_path / "files"))

    for place, copied in (
        (Location(tmp_path / "live"), copied_sqlite),
        (Location(tmp_path / "none", postgres.url(), str(tmp_path / "data")), copied_postgres),
    ):
        with Store.open(place) as store:
            store.append(batch(-1, 0))
            restored = copied(place)
            store.append(batch(0, 1))
            shutil.copytree(place.data_path, tmp_path / "files")
        shutil.rmtree(place.data_path)
        with Store.open(restored) as store:
            assert samples(store) == 20 and store.watermark("t", 0).offset == 0
            store.append(batch(0, 1))
            assert samples(store) == 40
        shutil.rmtree(tmp_path / "files")
