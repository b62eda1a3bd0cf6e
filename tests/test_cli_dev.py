"""`driftledger dev up`: what it prints leads to servers, and Ctrl-C ends them."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from kafka.admin import NewTopic

from pipeline.broker.connection import admin
from pipeline.broker.parameters import KafkaSettings
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from pipeline.rig.processes import listening

TOPIC = "driftledger.dev"


def test_dev_up_prints_where_the_servers_are_and_takes_them_down(kafka: Kafka, postgres: Postgres) -> None:
    """A person copies the lines into a shell; after Ctrl-C nothing runs any more, and the data stays."""
    printed: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="driftledger-rig-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user than root
        arguments = ["dev", "up", "--with", "postgres", "--folder", f"{name}/kept"]
        for _ in range(2):
            command = [sys.executable, "-m", "pipeline.cli", *arguments]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dev:
                assert dev.stdout is not None
                lines = [dev.stdout.readline().strip().removeprefix("export ") for _ in range(2)]
                printed.append(dict(line.split("=", 1) for line in lines))
                ports = [int(printed[-1][BROKER].split(":")[1]), urlsplit(printed[-1][CATALOG]).port or 0]
                assert all(map(listening, ports))
                with admin(KafkaSettings(bootstrap_servers=printed[-1][BROKER])) as client:
                    if len(printed) == 1:
                        client.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
                    assert TOPIC in client.list_topics()
                dev.send_signal(signal.SIGINT)
                assert dev.wait(60) == 0
            assert not any(map(listening, ports))
    assert printed[0] == printed[1]


BROKER, CATALOG = "DRIFTLEDGER__KAFKA__BOOTSTRAP_SERVERS", "DRIFTLEDGER__STORE__CATALOG"
