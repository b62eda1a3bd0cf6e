"""A worker on a broker that wants TLS, a password and rights; each mistake is a sentence and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.rig.kafka import GUEST, Kafka
from tests.rigs import clear
from tests.worker.kafka_messages import json_message
from tests.worker.worker_process import WorkerProcess
from tests.worker.worker_scene import Scene


@pytest.fixture
def scene(secure_kafka: Kafka, tmp_path: Path) -> Scene:
    clear(secure_kafka.bootstrap)
    return Scene(secure_kafka, tmp_path)


def secured(scene: Scene, broker: Kafka, username: str) -> WorkerProcess:
    """A worker that logs in; the password is in the environment, as a secret is mounted."""
    assert broker.secure is not None
    sets = {
        "bootstrap_servers": broker.secure.bootstrap,
        "security_protocol": "SASL_SSL",
        "ssl_cafile": broker.secure.cafile,
        "sasl_username": username,
    }
    return scene.worker(sets=tuple(f"kafka.{name}={value}" for name, value in sets.items()))


def test_it_logs_in_and_takes(scene: Scene, secure_kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with security on is the rule in production."""
    assert secure_kafka.secure is not None
    monkeypatch.setenv("DRIFTLEDGER__KAFKA__SASL_PASSWORD", secure_kafka.secure.password)
    scene.send([json_message("gpu", "s", n) for n in range(5)])
    with secured(scene, secure_kafka, secure_kafka.secure.username) as worker:
        worker.until_taken(5)
        assert worker.stop() == 0
        assert secure_kafka.secure.password not in worker.log
    assert scene.samples() == 5


def test_a_wrong_password_or_a_missing_right_ends_it_with_what_to_check(
    scene: Scene, secure_kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To try again would lock the account, and nothing but a person can mend it."""
    assert secure_kafka.secure is not None
    secure = secure_kafka.secure
    for username, password, told in (
        (secure.username, "wrong", "check kafka.sasl_username"),
        (GUEST, secure.guest_password, "no right to"),
    ):
        monkeypatch.setenv("DRIFTLEDGER__KAFKA__SASL_PASSWORD", password)
        with secured(scene, secure_kafka, username) as worker:
            assert worker.ended() == 5, worker.log
            assert told in worker.log and "Traceback" not in worker.log
