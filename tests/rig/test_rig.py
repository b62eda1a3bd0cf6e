"""The rig itself: servers that answer, keep their data through kill -9, and are gone when stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow.fs
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from pipeline.broker.connection import admin
from pipeline.broker.parameters import KafkaSettings
from pipeline.errors import PreflightFailed
from pipeline.rig import cache, golang
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from pipeline.rig.processes import HOST, Process, free_port, listening
from pipeline.rig.s3 import S3
from tests.waiting import until

TOPIC = "driftledger.rig"


def topic(bootstrap: str) -> str:
    """Make the topic; its id."""
    with admin(KafkaSettings(bootstrap_servers=bootstrap)) as client:
        client.create_topics([NewTopic(TOPIC, num_partitions=2, replication_factor=1)])
        return identity(bootstrap)


def identity(bootstrap: str) -> str:
    """A topic just made is not known to the broker's answers at once."""
    with admin(KafkaSettings(bootstrap_servers=bootstrap)) as client:
        return str(until(lambda: client.describe_topics([TOPIC])[0]["topic_id"], "the topic's id"))


def produce(bootstrap: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    for future in [producer.send(TOPIC, value, partition=0) for value in values]:
        future.get(timeout=20)
    producer.close()


def consume(bootstrap: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    got: list[bytes] = []
    until = time.monotonic() + 20
    while len(got) < count and time.monotonic() < until:
        got += [r.value for records in consumer.poll(timeout_ms=500).values() for r in records]
    consumer.close()
    return got


def test_a_message_goes_through_the_broker_and_its_topic_has_an_id(broker: Kafka) -> None:
    """Everything about the broker is tested on it; a topic without an id could be swapped unseen."""
    first = topic(broker.bootstrap)
    produce(broker.bootstrap, b"one", b"two")
    assert consume(broker.bootstrap, 2) == [b"one", b"two"]
    assert len(first) == 36 and first.count("-") == 4


def test_the_next_test_finds_no_topic_of_the_one_before(broker: Kafka) -> None:
    """Tests that see each other's messages fail by their order."""
    with admin(KafkaSettings(bootstrap_servers=broker.bootstrap)) as client:
        assert [name for name in client.list_topics() if name.startswith("driftledger.")] == []


def test_the_broker_keeps_its_messages_through_kill_9(private_kafka: Kafka) -> None:
    """A broker that loses what it acknowledged would make every test of ours about losing data void."""
    made = topic(private_kafka.bootstrap)
    produce(private_kafka.bootstrap, b"before")
    private_kafka.kill()
    assert private_kafka.process.pid is None
    private_kafka.start()
    produce(private_kafka.bootstrap, b"after")
    assert consume(private_kafka.bootstrap, 2) == [b"before", b"after"]
    private_kafka.restart()
    assert identity(private_kafka.bootstrap) == made


def test_duckdb_reads_from_postgres_through_its_kill_and_restart(postgres: Postgres) -> None:
    """The lake's catalog lives there: rows that were committed must outlive the server."""
    url = postgres.url("kept")
    with attached(url) as con:
        con.execute("CREATE TABLE pg.kept AS SELECT 42 AS answer")
    postgres.kill()
    postgres.start()
    with attached(url) as con:
        assert con.execute("SELECT answer FROM pg.kept").fetchall() == [(42,)]
    assert postgres.url() != postgres.url()


def attached(url: str) -> duckdb.DuckDBPyConnection:
    from pipeline.lake.connect import _extension  # the one place that knows where extensions lie

    con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    con.execute(f"LOAD '{_extension('postgres_scanner')}'")
    con.execute(f"ATTACH '{url}' AS pg (TYPE postgres)")
    return con


def test_an_object_can_be_put_and_read(s3: S3) -> None:
    """The lake's data path can be S3; a wrong key must not get in."""
    store = pyarrow.fs.S3FileSystem(
        access_key=s3.access_key, secret_key=s3.secret_key, region=s3.region, endpoint_override=s3.endpoint
    )
    path = f"{s3.bucket()}/a/b.bin"
    with store.open_output_stream(path) as out:
        out.write(b"content")
    assert store.open_input_stream(path).read() == b"content"
    stranger = pyarrow.fs.S3FileSystem(
        access_key=s3.access_key, secret_key="wrong", region=s3.region, endpoint_override=s3.endpoint
    )
    with pytest.raises(OSError, match="(?i)signature|denied|forbidden"):
        stranger.open_input_stream(path)


def serving(tmp_path: Path) -> Process:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", HOST, str(port)]
    return Process(command, log=tmp_path / "web.log", port=port)


def test_a_stopped_or_killed_server_is_gone(tmp_path: Path) -> None:
    """Servers left behind would fill the machine of whoever runs the tests."""
    for end in (Process.stop, Process.kill):
        server = serving(tmp_path)
        server.start()
        pid = server.pid
        assert pid is not None and listening(server.port)
        server.freeze()
        end(server)
        assert server.pid is None and not Path(f"/proc/{pid}").exists() and not listening(server.port)


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A test run that is killed takes its servers with it."""
    port = free_port()
    program = (
        "import sys, os, signal, pathlib; from pipeline.rig.processes import Process\n"
        f"p = Process([sys.executable, '-m', 'http.server', '--bind', '{HOST}', '{port}'], "
        f"log=pathlib.Path({str(tmp_path / 'web.log')!r}), port={port})\n"
        "p.start(); print(p.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    pid = int(done.stdout)
    until = time.monotonic() + 10
    while running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not running(pid)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    """`not ready` alone would send a person looking for the log."""
    command = [sys.executable, "-c", "raise SystemExit('no such disk')"]
    server = Process(command, log=tmp_path / "broken.log", port=free_port())
    with pytest.raises(PreflightFailed, match="(?s)broken ended with 1.*no such disk"):
        server.start()


def test_a_build_that_fails_leaves_nothing_and_one_that_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a download taken for a whole one would fail in ways that nobody understands."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[str] = []

    def make(folder: Path) -> None:
        (folder / "half").touch()
        made.append(folder.name)
        if len(made) == 1:
            raise PreflightFailed("no network")

    artifact = cache.Artifact("thing", b"v1", make)
    with pytest.raises(PreflightFailed, match="run `make rig`"):
        artifact.found()
    with pytest.raises(PreflightFailed, match="no network"):
        artifact.built()
    assert [p.name for p in cache.root().iterdir()] == ["thing.lock"]
    assert artifact.built() == artifact.built() == artifact.found()
    assert len(made) == 2
    assert cache.Artifact("thing", b"v2", make).folder != artifact.folder


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without Java needs to know what to install, and a script gets exit code 5."""
    monkeypatch.setitem(os.environ, "PATH", "")
    with pytest.raises(PreflightFailed, match="apt-get install maven") as raised:
        cache.tool("mvn", "maven")
    assert raised.value.exit_code == 5


def test_two_that_want_the_same_build_make_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test runs start side by side; half a minute of building each would be the smaller harm of two."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    building, go_on, made = threading.Event(), threading.Event(), []

    def make(folder: Path) -> None:
        building.set()
        assert go_on.wait(20)
        made.append(folder)

    artifact = cache.Artifact("thing", b"", make)
    with ThreadPoolExecutor(2) as both:
        first = both.submit(artifact.built)
        assert building.wait(20)
        second = both.submit(artifact.built)
        go_on.set()
        assert first.result(20) == second.result(20) == artifact.found()
    assert len(made) == 1


def test_an_old_go_fetches_the_one_that_the_modules_want(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian 12's Go is 1.19: without this nothing of the cluster could be built on a clean machine."""
    fetched = tmp_path / "toolchain"
    (fetched / "bin").mkdir(parents=True)
    (fetched / "pkg/tool/linux_amd64").mkdir(parents=True)
    for program in ("bin/go", "pkg/tool/linux_amd64/compile"):
        (fetched / program).write_text("")
    old = tmp_path / "go"
    old.write_text(
        '#!/bin/sh\ncase "$1 $2" in\n"env GOVERSION") echo go1.19.8;;\n"env GOARCH") echo amd64;;\n'
        f'"mod download") echo "$4" > {tmp_path}/asked; echo \'{{"Dir": "{fetched}"}}\';;\nesac\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    golang._fetched.cache_clear()
    assert golang.program("a server") == str(fetched / "bin/go")
    assert (tmp_path / "asked").read_text().startswith("golang.org/toolchain@v0.0.1-go1.")
    assert all(os.access(fetched / p, os.X_OK) for p in ("bin/go", "pkg/tool/linux_amd64/compile"))


def test_a_go_that_cannot_be_fetched_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "go"
    old.write_text('#!/bin/sh\n[ "$1" = env ] || { echo no network; exit 1; }\necho go1.19.8\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    golang._fetched.cache_clear()
    with pytest.raises(PreflightFailed, match=r"(?s)needs Go 1\..*this is Go 1\.19\.8.*no network") as raised:
        golang.program("a server")
    assert raised.value.exit_code == 5
