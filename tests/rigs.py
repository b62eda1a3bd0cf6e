"""Real servers for tests: one each of Kafka, PostgreSQL, S3 and Kubernetes a run, started when first used;
hubble-relay is one for each test.

Where a server cannot be had its tests are skipped with the reason; with CI=true they fail.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

import pytest

from pipeline.errors import PreflightFailed
from pipeline.rig import cache
from pipeline.rig.hubble import Hubble
from pipeline.rig.kafka import Kafka
from pipeline.rig.kube.cluster import Kube
from pipeline.rig.postgres import Postgres
from pipeline.rig.s3 import S3
from tests.rig.cluster_objects import clear as clear_cluster

GONE_SECONDS = 20.0


class Server(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


S = TypeVar("S", bound=Server)


def absent(error: PreflightFailed) -> NoReturn:
    """What cannot be had skips a test, and in CI fails it."""
    if os.environ.get("CI") == "true":
        raise error
    pytest.skip(str(error))


@contextmanager
def running(make: Callable[[Path], S]) -> Iterator[S]:
    """A started server in a temporary folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="driftledger-rig-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user than root
        try:
            server = make(Path(name) / "server")
        except PreflightFailed as error:
            absent(error)
        try:
            try:
                server.start()
            except PreflightFailed as error:
                absent(error)
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of Prometheus's own checker of metrics and rules."""
    try:
        return cache.tool("promtool", "prometheus")
    except PreflightFailed as error:
        absent(error)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """The broker of the whole run; a test that needs topics of its own takes `broker`."""
    with running(Kafka) as server:
        yield server


@pytest.fixture(scope="session")
def secure_kafka() -> Iterator[Kafka]:
    """A broker whose `secure` listener demands TLS and a password, and that knows access rights."""
    with running(lambda folder: Kafka(folder, secure=True)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """`.url()` is a new database each time; a test that stops the server starts it again."""
    with running(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """`.bucket()` is a new bucket each time."""
    with running(S3) as server:
        yield server


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """The control plane of the whole run; a test that needs nodes and devices of its own takes `cluster`."""
    with running(Kube) as server:
        yield server


@pytest.fixture
def cluster(kube: Kube) -> Kube:
    """The run's control plane, all its parts up, with no node, device, claim, pod or workload."""
    kube.start()
    clear_cluster(kube)
    return kube


@pytest.fixture
def hubble() -> Iterator[Hubble]:
    """Two nodes without flows behind hubble-relay, all of them up."""
    with running(Hubble) as server:
        yield server


@pytest.fixture
def broker(kafka: Kafka) -> Kafka:
    """The run's broker, up whatever the last test did to it, and without any topic of ours.

    A test may kill it and start it again.  Name consumer groups anew in each test.
    """
    kafka.start()
    clear(kafka.bootstrap)
    return kafka


@pytest.fixture
def private_kafka() -> Iterator[Kafka]:
    """A new broker of this test alone, for one that leaves it hanging or needs its first start."""
    with running(Kafka) as server:
        yield server


def clear(bootstrap: str) -> None:
    """Delete every topic `driftledger.*` and wait until the broker no longer lists them."""
    from kafka.admin import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        until = time.monotonic() + GONE_SECONDS
        asked: set[str] = set()
        while ours := {name for name in admin.list_topics() if name.startswith("driftledger.")}:
            if new := ours - asked:
                admin.delete_topics(sorted(new))
                asked |= new
            assert time.monotonic() < until, f"topics are still there: {sorted(ours)}"
            time.sleep(0.05)
    finally:
        admin.close()
