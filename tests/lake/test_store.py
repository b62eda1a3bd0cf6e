"""A commit is whole or absent, a writer that lost its partition cannot write, and the past stays readable."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest

from pipeline.errors import ConfigError, NotFound, StaleWatermark, StoreUnavailable
from pipeline.facts.catalogue import FACTS
from pipeline.facts.fact import SECONDS
from pipeline.facts.fixed import fixed
from pipeline.lake import failures, session
from pipeline.lake.location import Location
from pipeline.lake.watermarks import Advance
from pipeline.store import Batch, Store
from tests import cost_rows
from tests.cost_rows import DAY
from tests.gpu_batches import batch, samples, usage

ROOT = Path(__file__).parents[2]
POINTS = ("begun", "facts_written", "watermark_written", "committed")


def test_partial_rows_of_a_key_sum_to_the_last_digit(tmp_path):
    with Store.open(tmp_path) as store:
        for offset in range(3):
            store.append(batch(offset - 1, offset, 2))
        assert store.rows("gpu_usage")["busy_seconds"].to_pylist() == [Decimal("0.000003")] * 2


@pytest.mark.parametrize("value", [0, 1, -1, 2**53 + 1, -(2**53) - 1, 10**17, -(10**17)])
def test_fixed_keeps_every_digit(value):
    assert fixed(np.array([value]), SECONDS)[0].as_py() == Decimal(value).scaleb(-6)


def test_a_writer_that_lost_its_partition_writes_nothing(tmp_path):
    with Store.open(tmp_path) as mine, Store.open(tmp_path) as zombie:
        mine.append(batch(-1, 9))
        with pytest.raises(StaleWatermark):
            zombie.append(batch(-1, 9))
        assert samples(mine) == 20 and samples(zombie) == 20
        assert zombie.watermark("t", 0).offset == 9


@pytest.mark.parametrize("kind", [duckdb.FatalException, duckdb.InternalException])
def test_a_broken_engine_is_opened_again_whatever_its_error_says(tmp_path, kind):
    """Taken for a race it would keep its dead connection, and every commit would fail until a restart."""

    def breaks(point: str) -> None:
        if point == "watermark_written":
            raise kind("database has been invalidated; original error: write-write conflict, already exists")

    with Store.open(tmp_path) as store:
        with pytest.raises(StoreUnavailable, match="invalidated"):
            store.append(batch(-1, 9), breaks)
        assert not store.healthy
        store.append(batch(-1, 9))
        assert store.healthy and samples(store) == 20 and store.watermark("t", 0).offset == 9


def test_a_database_that_dies_while_it_answers_is_away_and_not_our_mistake():
    """A worker waits for the one, and ends for the other."""
    cut = duckdb.InvalidInputException("Attempting to fetch from an unsuccessful query result")
    assert isinstance(failures.named(cut, Location(Path("l"))), StoreUnavailable)
    assert failures.named(duckdb.InvalidInputException("no such parameter"), Location(Path("l"))) is None


def test_partitions_and_recreated_topics_are_separate(tmp_path):
    with Store.open(tmp_path) as store:
        store.append(Batch({}, (Advance("t", 0, -1, 5, {"s": 3}), Advance("t", 1, -1, 7, {}))))
        assert (store.watermark("t", 0).offset, store.watermark("t", 1).offset) == (5, 7)
        assert store.watermark("t", 0).sources == {"s": 3}
        assert store.watermark("t-recreated", 0).offset == -1


def test_the_latest_append_time_is_kept_with_the_offset(tmp_path):
    """By it a log that lost its end is told from the same one; an older ledger has none, and gets one."""
    with Store.open(tmp_path) as store:
        store.append(Batch({}, (Advance("t", 0, -1, 5, {"s": 3}),)))
        assert store.watermark("t", 0).newest == -1
        store.append(Batch({}, (Advance("t", 0, 5, 6, {"s": 4}, frozenset({"s"}), newest=70),)))
        again = Advance("t", 0, 6, 7, {}, ids={("s", "i"): 7}, newest=90, newest_expected=70)
        store.append(Batch({}, (again,)))
        with pytest.raises(StaleWatermark):
            store.append(Batch({}, (again,)))
        store.append(Batch({}, (Advance("t", 0, 7, 8, {}, forget=8),)))
        mark = store.watermark("t", 0)
        assert (mark.offset, mark.sources, mark.ids, mark.newest) == (8, {"s": 4}, {}, 90)


def test_a_partition_whose_log_lost_all_begins_again(tmp_path):
    """Who took it for one that nobody has begun would find it begun, and end for ever."""
    with Store.open(tmp_path) as store:
        for expected, offset in ((-1, 4), (4, -1), (-1, 3)):
            store.append(Batch({}, (Advance("t", 0, expected, offset, {}),)))
        assert store.watermark("t", 0).offset == 3


class Stop(Exception):
    """Stands for the end of the process at a named point."""


@pytest.mark.parametrize("point", POINTS)
def test_a_stop_at_any_point_leaves_all_or_nothing(tmp_path, point):
    def stop(reached: str) -> None:
        if reached == point:
            raise Stop

    with Store.open(tmp_path) as store, pytest.raises(Stop):
        store.append(batch(-1, 9), stop)
    with Store.open(tmp_path) as store:
        committed = point == "committed"
        assert samples(store) == (20 if committed else 0)
        assert store.watermark("t", 0).offset == (9 if committed else -1)


_KILLED = """
import os, signal
from tests.gpu_batches import batch
from pipeline.store import Store
def kill(point):
    if point == {point!r}:
        os.kill(os.getpid(), signal.SIGKILL)
Store.open({folder!r}).append(batch(-1, 9), kill)
"""


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_at_any_point_leaves_all_or_nothing(tmp_path, point):
    code = _KILLED.format(point=point, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(tmp_path) as store:
        committed = point == "committed"
        assert samples(store) == (20 if committed else 0)
        store.append(batch(9 if committed else -1, 10))
        assert samples(store) == (40 if committed else 20)


def test_a_snapshot_shows_the_ledger_as_it_was(tmp_path):
    with Store.open(tmp_path) as store:
        store.append(batch(-1, 0))
        then = store.snapshot()
        store.append(batch(0, 1))
        with Store.open(tmp_path, snapshot=then) as past:
            assert samples(past) == 20 and past.snapshot() == then
        assert samples(store) == 40


def test_a_ledger_may_be_moved_and_opened_from_anywhere(tmp_path, monkeypatch):
    with Store.open(tmp_path / "here") as store:
        store.append(batch(-1, 0))
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    with Store.open("there") as store:
        store.append(batch(0, 1))
        assert samples(store) == 40
    with Store.open(tmp_path / "there", read_only=True) as store:
        assert samples(store) == 40


def test_a_reader_cannot_write(tmp_path):
    Store.open(tmp_path).close()
    with Store.open(tmp_path, read_only=True) as reader, pytest.raises(duckdb.Error):
        reader.append(batch(-1, 0))


def test_a_file_where_the_ledger_should_be_is_said_with_a_remedy(tmp_path):
    """An errno is no help to somebody who mistyped a path."""
    (tmp_path / "ledger").write_text("notes")
    for folder in (tmp_path / "ledger", tmp_path / "ledger" / "below"):
        with pytest.raises(ConfigError, match="a file stands there; name a folder"):
            Store.open(folder)


def test_a_ledger_that_is_not_there_is_a_sentence_with_a_remedy(tmp_path):
    with pytest.raises(NotFound, match="driftledger replay"):
        Store.open(tmp_path / "none", read_only=True)
    Store.open(tmp_path).close()
    with pytest.raises(NotFound, match="cannot be read"):
        Store.open(tmp_path, snapshot=10_000)


def test_every_fact_has_its_table_with_the_same_columns(tmp_path):
    with Store.open(tmp_path) as store:
        for fact in FACTS.values():
            assert store.rows(fact.name).schema.names == fact.schema.names


@pytest.mark.parametrize(("fact", "column", "then"), [("gpu_usage", "samples", 0), ("devices", "zone", None)])
def test_a_ledger_of_an_older_version_gets_its_new_columns(tmp_path, fact, column, then):
    """An update of the program must go on with the ledger that is there, and keep every row of it."""
    rows = {
        "gpu_usage": usage(1),
        "devices": cost_rows.table("devices", [cost_rows.device("d", cost_rows.DAY)]),
    }
    with Store.open(tmp_path) as store:
        store.append(Batch({fact: rows[fact]}))
        before = store.rows(fact).to_pylist()
        with store.transaction() as con:
            others = ", ".join(f'"{name}"' for name in FACTS[fact].schema.names if name != column)
            con.execute(f'CREATE OR REPLACE VIEW "{fact}_merged" AS SELECT {others} FROM "{fact}"')
            con.execute(f'ALTER TABLE "{fact}" DROP COLUMN "{column}"')
    for _ in range(2):
        with Store.open(tmp_path) as store:
            assert store.rows(fact).to_pylist() == [row | {column: then} for row in before]
    with Store.open(tmp_path) as store:
        store.append(Batch({fact: rows[fact]}))
        assert store.rows(fact)[column].to_pylist() == [before[0][column]]


_OFFLINE = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("the network was asked")
socket.getaddrinfo = refuse
from pipeline.store import Store
from tests.gpu_batches import batch, samples
with Store.open({folder!r}) as store:
    store.append(batch(-1, 0))
    print(samples(store))
"""


@pytest.mark.skipif(
    not shutil.which("unshare"), reason="unshare(1) is not installed: cannot cut off the network"
)
def test_the_lake_opens_with_networking_cut_off_and_an_empty_home(tmp_path):
    """A new network namespace has no route anywhere, so anything fetched at run time would fail."""
    code = textwrap.dedent(_OFFLINE.format(folder=str(tmp_path / "lake")))
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        ["unshare", "--net", "--map-root-user", sys.executable, "-c", code],
        capture_output=True, text=True, env=environment, cwd=ROOT, check=False,
    )  # fmt: skip
    if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        assert os.environ.get("CI") != "true", "CI must be able to cut off the network"
        pytest.skip("this machine does not allow a network namespace")
    # Before it there may be a progress bar: to DuckDB a program without a file is somebody at a prompt.
    assert done.stdout.split()[-1:] == ["20"], done.stderr
    assert not (home / ".duckdb" / "extensions").exists()


def test_a_connection_is_opened_anew_now_and_then_but_never_amid_something(tmp_path, monkeypatch):
    """A worker that commits each second for weeks must not grow by what the engine keeps of each state."""
    monkeypatch.setattr(session, "USES", 5)
    with Store.open(tmp_path) as store:
        seen = []
        for offset in range(12):
            store.append(batch(offset - 1, offset))
            seen.append(store._session.con)
            with store.steady():
                amid = store._session.con
                assert [store.watermark("t", 0).offset for _ in range(7)] == [offset] * 7
                assert store._session.con is amid
        assert len(set(map(id, seen))) > 1 and samples(store) == 12 * 20
    with Store.open(tmp_path, snapshot=store_snapshot(tmp_path)) as past:
        amid = past._session.con
        assert [samples(past) for _ in range(9)] == [12 * 20] * 9 and past._session.con is amid


def store_snapshot(folder):
    with Store.open(folder, read_only=True) as store:
        return store.snapshot()


def test_only_a_large_ledger_shares_its_questions_among_all_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small one every command would take twice the CPU."""
    monkeypatch.setattr(session, "SHARED_FROM_ROWS", 30)
    monkeypatch.setattr(session, "_LOOK_EVERY", 4)
    count = "SELECT current_setting('threads')"
    with duckdb.connect() as con:
        all_cores = con.execute(count).fetchall()

    def cores(store: Store) -> list[tuple[int]]:
        with store._session.connected() as con:
            return con.execute(count).fetchall()

    with Store.open(tmp_path) as store, Store.open(tmp_path, threads=1) as worker:
        store.append(batch(-1, 9))
        assert [cores(store) for _ in range(9)] == [[(1,)]] * 9
        store.append(batch(9, 19))
        assert [cores(store) for _ in range(9)][5:] == [all_cores] * 4
        for _ in range(2):  # who asks for little has one, and who asks for much all of them again
            with store.steady(alone=True):
                assert cores(store) == [(1,)]
            assert cores(store) == all_cores
        assert cores(worker) == [(1,)]
        with Store.open(tmp_path, read_only=True) as reader:
            assert cores(reader) == all_cores


def test_what_is_asked_once_amid_a_reading_is_asked_again_after_it(tmp_path: Path) -> None:
    """The thirteen months of a closing share it; the next question must see who came since."""
    with Store.open(tmp_path) as store:

        def devices() -> list[str]:
            return store.once("cost_inventory")["device"].to_pylist()

        for number in range(2):
            store.append(Batch({"devices": cost_rows.table("devices", [cost_rows.device(f"{number}", DAY)])}))
            with store.steady():
                assert store.once("cost_inventory") is store.once("cost_inventory")
                assert sorted(devices()) == sorted(map(str, range(number + 1)))
            assert len(devices()) == number + 1
        with store.transaction() as con:
            con.execute("DELETE FROM devices WHERE device = '0'")
            assert devices() == ["1"], "a transaction sees what it did"
