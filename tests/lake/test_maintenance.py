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
from pipeline.lake import watermarks
from pipeline.lake.connect import METADATA
from pipeline.lake.lease import LeaseHeld
from pipeline.lake.watermarks import Advance
from pipeline.maintenance import compact
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


def _advance(offset: int) -> Batch:
    """A message of a source that numbers, with its append time, as a worker's are."""
    known = frozenset({"source"} if offset else ())
    past = offset - 1 if offset else -1
    step = Advance("t", 0, offset - 1, offset, {"source": offset}, known, newest=offset, newest_expected=past)
    return Batch({"gpu_usage": usage(20)}, (step,))


def test_a_watermark_that_moves_while_files_are_written_anew_is_there_once(shared):
    """It would be there before and after its move, and no worker could go on with that partition, ever."""
    with Store.open(shared) as worker, Store.open(shared) as maintainer:
        for offset in range(36):
            worker.append(_advance(offset))
        shift = Shift(maintainer, now(), SETTINGS, "m")
        shift.turn.begin()
        compact.flush(shift)
        with worker.transaction() as con:
            watermarks.advance(con, _advance(36).advances[0])
            for step in (compact.trim, compact.merge, compact.rewrite):
                step(shift)
        for offset in (37, 38):
            worker.append(_advance(offset))
        with worker.transaction() as con:
            assert con.execute(f"SELECT count(*) FROM {watermarks.table('t', 0)}").fetchone() == (3,)
        assert worker.watermark("t", 0).sources == {"source": 38}


def test_what_is_dead_of_watermarks_is_let_go(place):
    """Each commit leaves a dead row for each that it moves: reading three would take longer every day."""
    with Store.open(place) as store:
        for offset in range(36):
            store.append(_advance(offset))
        assert _catalogued(store) == (3, 105)
        steps = {step.name: step.count for step in run(store, now(), SETTINGS).steps}
        assert _catalogued(store) == (3, 0) and steps["trim"] == 105
        store.append(_advance(36))
        assert _catalogued(store) == (3, 3) and store.watermark("t", 0).offset == 36


def _catalogued(store: Store) -> tuple[int, int]:
    """Rows of the watermark that live, and that are dead, in the catalog; it has no file."""
    name = watermarks.table("t", 0).split('"')[1]
    of = f"JOIN {METADATA}.ducklake_table AS t USING (table_id) WHERE t.table_name = '{name}'"
    with store.transaction() as con:
        assert con.execute(f"SELECT count(*) FROM {METADATA}.ducklake_data_file {of}").fetchone() == (0,)
        found = con.execute(
            f"SELECT i.table_name FROM {METADATA}.ducklake_inlined_data_tables AS i {of}"
        ).fetchall()
        counts = "SELECT count(*) FILTER (end_snapshot IS NULL), count(end_snapshot)"
        row = con.execute(f'{counts} FROM {METADATA}."{found[0][0]}"').fetchone()
    assert row and len(found) == 1
    return row


@pytest.mark.parametrize("sources", [1, 40])
def test_many_sources_of_one_commit_stay_in_the_catalog_too(place, sources):
    """More than ten rows would be a file, and what moves has none."""
    with Store.open(place) as store:
        for offset in range(3):
            named = {f"s{n}": offset for n in range(sources)}
            known = frozenset(named if offset else ())
            store.append(Batch({}, (Advance("t", 0, offset - 1, offset, named, known),)))
        assert _catalogued(store) == (sources + 1, 2 * (sources + 1))


def test_watermarks_of_an_older_version_are_where_they_were(place):
    """A worker that did not find them would read every topic from its beginning, and count it twice."""
    with Store.open(place) as store:
        store.append(batch(-1, 7))
        name = watermarks.table("t", 0)
        with store.transaction() as con:
            con.execute(f"CREATE TABLE main.{name.split('.')[1]} AS SELECT * FROM {name}")
            con.execute(f"DROP TABLE {name}")
        assert store.watermark("t", 0).offset == -1
    with Store.open(place) as store:
        assert store.watermark("t", 0).offset == 7
        store.append(batch(7, 8))


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
