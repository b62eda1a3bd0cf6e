"""A ledger in a folder, in PostgreSQL and in a bucket is the same ledger, and keeps its promises in each."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import ConfigError, NotFound, PreflightFailed, StaleWatermark, StoreUnavailable
from pipeline.ingest import Ingest
from pipeline.lake import objects
from pipeline.lake.location import Location, hidden
from pipeline.lake.watermarks import Advance
from pipeline.settings.load import load
from pipeline.store import Batch, Store
from tests.events.test_ingest_laws import example_log
from tests.gpu_batches import batch, samples, usage
from tests.lake.test_store import ROOT


def test_facts_offsets_and_the_past_are_kept_wherever_the_ledger_is(place):
    """Who moves to PostgreSQL or a bucket must get the same answers as in a folder."""
    with pytest.raises(NotFound):
        Store.open(place, read_only=True)
    with Store.open(place) as store:
        store.append(batch(-1, 0))
        then = store.snapshot()
        assert Ingest(store).step(example_log()).taken == 4
        assert Ingest(store).step(example_log()).duplicates == 4
        with store.steady():
            before, state = samples(store), store.state()
            Store.open(place).append(batch(0, 1))
            assert samples(store) == before, "a reading of one snapshot saw a later commit"
            assert store.state() == state and state is not None
        assert samples(store) == before + 20
        added = store.added(state, ("gpu_usage", "devices"))
        assert added is not None and {*added.tables} == {"gpu_usage"}, "what the commit did is told"
        told = store.query("cost_since_usage", first=added.first, last=added.last)
        assert told["as_of"].to_pylist() == [20 * 60_000_000], "its 20 minutes alone"
    with Store.open(place, snapshot=then) as past:
        assert samples(past) == 20 and past.snapshot() == then
    with pytest.raises(NotFound, match="cannot be read"):
        Store.open(place, snapshot=10_000)


_KILLED = """
import os, signal
from pathlib import Path
from pipeline.lake.location import Location
from pipeline.store import Store
from tests.gpu_batches import batch
def kill(point):
    if point == "watermark_written":
        os.kill(os.getpid(), signal.SIGKILL)
Store.open(Location(Path({folder!r}), {catalog!r}, {data!r})).append(batch(-1, 9), kill)
"""


def test_kill_9_amid_a_commit_leaves_nothing_of_it(place):
    """A worker that dies before its commit must leave a ledger that the next one can go on with."""
    code = _KILLED.format(folder=str(place.folder), catalog=place.catalog, data=place.data)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(place) as store:
        assert samples(store) == 0 and store.watermark("t", 0).offset == -1
        store.append(batch(-1, 9))
        assert samples(store) == 20


def test_of_two_writers_on_one_partition_the_second_commits_nothing(shared):
    """A worker that woke after it lost its partition would count everything twice."""
    with Store.open(shared) as worker, Store.open(shared) as zombie:
        for offset in (0, 1):

            def overtaken(point: str, offset: int = offset) -> None:
                if point == "watermark_written":
                    worker.append(batch(offset - 1, offset))

            with pytest.raises(StaleWatermark):
                zombie.append(batch(offset - 1, offset), overtaken)
        assert samples(worker) == samples(zombie) == 40
        assert zombie.healthy, "to lose a race is no illness"


def test_workers_that_start_at_once_on_an_empty_database_share_it(shared):
    """Four replicas of a new deployment all create the tables, and then write their own partitions."""

    def work(partition: int) -> None:
        with Store.open(shared) as store:
            for offset in range(5):
                store.append(
                    Batch({"gpu_usage": usage(20)}, (Advance("t", partition, offset - 1, offset, {}),))
                )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with Store.open(shared, read_only=True) as store:
        assert samples(store) == 4 * 5 * 20
        assert [store.watermark("t", p).offset for p in range(4)] == [4] * 4


def test_a_restart_of_postgresql_is_named_heals_and_loses_nothing(shared, postgres):
    """The database is restarted for an upgrade; the worker must neither lose, double nor stay broken."""
    with Store.open(shared) as store, Store.open(shared, read_only=True) as page:
        ingest = Ingest(store, lambda point: postgres.restart() if point == "watermark_written" else None)
        with pytest.raises(StoreUnavailable, match="not available") as caught:
            ingest.step(example_log())
        assert caught.value.exit_code == 5 and not store.healthy
        assert Ingest(store).step(example_log()).taken == 4 and store.healthy
        postgres.stop()
        try:
            for attempt in (lambda: store.append(batch(-1, 0)), lambda: samples(page)):
                with pytest.raises(StoreUnavailable):
                    attempt()
            with pytest.raises(StoreUnavailable):
                Store.open(shared, read_only=True)
        finally:
            postgres.start()
        store.append(batch(-1, 0))
        assert samples(page) == samples(store)


def test_a_bucket_that_does_not_answer_is_named_and_heals(tmp_path, s3, request, monkeypatch):
    """An outage of the object store must not end in a stack trace, nor in half a batch."""
    from tests.places import bucket

    with Store.open(Location(tmp_path, "", bucket(request, monkeypatch))) as store:
        s3.stop()
        try:
            with pytest.raises(StoreUnavailable):
                store.append(batch(-1, 0))
        finally:
            s3.start()
        store.append(batch(-1, 0))
        assert samples(store) == 20


def test_no_password_is_ever_shown(shared, postgres, capfd, monkeypatch):
    """Logs and bug reports are shared with people who must not have it."""
    from pipeline.cli.app import main

    wrong = Location(shared.folder, shared.catalog.replace(postgres.password, "open-sesame%40"))
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        Store.open(wrong)
    monkeypatch.setenv("DRIFTLEDGER__STORE__CATALOG", wrong.catalog)
    for arguments in (["config", "show"], ["status"]):
        with pytest.raises(SystemExit):
            main(arguments)
    shown = f"{wrong} {wrong!r} {caught.value} {capfd.readouterr()}"
    assert "open-sesame" not in shown and ":***@127.0.0.1" in shown


def test_the_password_may_come_from_the_environment(shared, postgres, monkeypatch):
    """Kubernetes hands a password to a container as a variable."""
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    bare = Location(shared.folder, hidden(shared.catalog).replace(":***", ""), shared.data)
    with Store.open(bare) as store:
        store.append(batch(-1, 0))


def test_a_disk_with_too_little_free_takes_nothing_until_there_is_more(tmp_path, monkeypatch):
    """A ledger that fills the disk takes the catalog down with it."""
    free = [10]
    monkeypatch.setattr(
        "pipeline.lake.failures.shutil.disk_usage", lambda _: type("Usage", (), {"free": free[0]})
    )
    with Store.open(Location(tmp_path, min_free_bytes=1_000)) as store:
        with pytest.raises(StoreUnavailable, match="min_free_bytes"):
            store.append(batch(-1, 0))
        free[0] = 1_000
        store.append(batch(-1, 0))
        assert samples(store) == 20


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("store.catalog=mysql://me:secret@h/d", "store.catalog.*me:...@h"),
        ("store.catalog=postgresql://h", "store.catalog"),
        ("store.catalog=postgresql://h:port/d", "store.catalog"),
        ("store.data=gs://b/p", "store.data"),
        ("store.data=s3://UPPER", "store.data"),
        ("store.min_free_bytes=-1", "store.min_free_bytes"),
    ],
)
def test_a_wrong_place_is_an_error_with_its_setting(flag, words):
    """A typing error must not make a ledger in a folder named after it."""
    with pytest.raises(ConfigError, match=words) as caught:
        Location.of(load(flags=[flag]).store)
    assert "secret" not in str(caught.value)


def test_a_bucket_is_asked_with_keys_and_in_the_clear_on_this_machine_only():
    """An http endpoint elsewhere would send every fact, signed but readable, over the network."""
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    with pytest.raises(PreflightFailed, match="AWS_ACCESS_KEY_ID"):
        objects.secret({}, "s3://b")
    with pytest.raises(ConfigError, match="use https"):
        objects.secret(keys | {"AWS_ENDPOINT_URL": "http://minio.storage:9000"}, "s3://b")
    here = objects.secret(keys | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, "s3://b")
    there = objects.secret(keys | {"AWS_ENDPOINT_URL": "https://minio.storage"}, "s3://b")
    assert (here["USE_SSL"], there["USE_SSL"], there["ENDPOINT"]) == ("false", "true", "minio.storage")
    assert "ENDPOINT" not in objects.secret(keys, "s3://b")


def test_a_folder_opens_without_the_parts_for_servers(tmp_path, monkeypatch):
    """Each extension costs a tenth of a second at every command."""
    loaded: list[str] = []
    from pipeline.lake import connect

    original = connect._extension
    monkeypatch.setattr(connect, "_extension", lambda name: loaded.append(name) or original(name))
    Store.open(tmp_path).close()
    assert loaded == ["ducklake", "sqlite_scanner"]


def test_an_option_names_a_folder_and_the_settings_a_server(tmp_path, capfd, monkeypatch):
    """`--store DIR` must read that folder, whatever the settings of the machine say."""
    from pipeline.cli.app import main

    Store.open(tmp_path).close()
    monkeypatch.setenv("DRIFTLEDGER__STORE__CATALOG", "postgresql://nobody@127.0.0.1:1/none")
    for arguments, code in ((["status", "--store", str(tmp_path)], 0), (["status"], 5)):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert (ended.value.code or 0) == code, capfd.readouterr()
