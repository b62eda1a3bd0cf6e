"""10,000 pods of a real API server listed and changed: `collect allocation` beside the official client."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.bench.memory import cpu_seconds, peak_rss_bytes
from tests.command import Command
from tests.rig import cluster_load
from tests.rig.cluster_load import PODS, Server
from tests.rigs import running
from tests.waiting import until

PYTHON = Path(".venv-kubernetes/bin/python")
CLIENT = str(Path(__file__).parent / "pods_client.py")
WAIT_SECONDS = 600.0
HOLDING = PODS // 2
"""One in two has a GPU."""
_LOOK_SECONDS = 5.0
"""Between two looks at a command's numbers: each takes it 1.25 CPU milliseconds, as much as six changes."""

pytestmark = pytest.mark.bench


def test_ten_thousand_pods_and_as_many_changes(record, tmp_path):
    """Ours is the whole process: intervals, cursor, and its messages in the spool or in a ledger; the client
    only keeps node and phase."""
    assert PYTHON.exists(), "the official client is not there; `make bench` makes it"
    ledger = tmp_path / "ledger"
    with running(Server) as server, ExitStack() as readers:
        cluster_load.fill(server)
        token = tmp_path / "token"
        token.write_text(server.admin.token)
        ours = {
            "driftledger collect": Ours(server, tmp_path / "spooled"),
            "driftledger collect --store": Ours(server, tmp_path / "stored", "--store", str(ledger)),
        }
        access = [server.url, str(token), str(server.ca)]
        theirs = {
            "official client": readers.enter_context(_client(*access, "models")),
            "official client, plain JSON": readers.enter_context(_client(*access, "plain")),
        }
        for one in ours.values():
            readers.enter_context(one.listed())
        began = time.monotonic()
        cluster_load.end(server)
        rate = round(PODS / (time.monotonic() - began))
        found = {who: one.taken() for who, one in ours.items()}
        found |= {who: json.loads(child.stdout.readline()) for who, child in theirs.items()}
    for who, one in found.items():
        record(
            "10,000 pods and 10,000 changes",
            who=who,
            list_cpu_seconds=one["list"],
            changes_a_second=rate,
            cpu_seconds_a_thousand_changes=one["changes"] / 10,
            peak_MB=one["peak"],
        )
    with Store.open(ledger, read_only=True) as store:
        held = store.rows("allocations").to_pylist()
    assert len(held) == HOLDING and all(row["end_quality"] == "exact" for row in held)
    spooled = found["driftledger collect"]
    assert spooled["list"] <= 2 and spooled["changes"] / 10 <= 0.2 and spooled["peak"] <= 250


class Ours:
    """The command, and what it took until it had listed all and until it had seen all changes."""

    def __init__(self, server: Server, folder: Path, *words: str) -> None:
        folder.mkdir()
        self.port = free_port()
        (folder / "token").write_text(server.admin.token)
        settings = {
            "collect": {"cluster": "bench", "state_folder": str(folder / "state"), "health_port": self.port},
            "publish": {"spool_folder": str(folder / "spool")},
            "kafka": {"bootstrap_servers": "127.0.0.1:1"},  # nobody is there: all goes to the spool
            "allocation": {
                "server": server.url, "token_file": str(folder / "token"), "ca": str(server.ca),
                "beat_seconds": 3_600,
            },
        }  # fmt: skip
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(settings))
        self.command = Command(config, "collect", "allocation", *words)
        self.spent = [0.0, 0.0]

    @contextmanager
    def listed(self) -> Iterator[None]:
        with self.command:
            self.command.said("(health on)")
            self.spent[0] = cpu_seconds(self.command.pid)
            self._told(1)
            self.spent[1] = cpu_seconds(self.command.pid)
            yield

    def taken(self) -> dict[str, float]:
        self._told(2)
        pid, (start, listed) = self.command.pid, self.spent
        peak = peak_rss_bytes(pid) // 2**20
        return {"list": listed - start, "changes": cpu_seconds(pid) - listed, "peak": peak}

    def _told(self, times: int) -> None:
        """All pods were told so many times: those that hold a GPU as events, the others as of no concern."""
        events = 'driftledger_collect_events_total{collector="allocation",type="allocation"}'
        others = 'driftledger_collect_excluded_total{collector="allocation",reason="no_device"}'

        def numbers() -> dict[str, float]:
            time.sleep(_LOOK_SECONDS)
            lines = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30).text.splitlines()
            return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)
                    if name in (events, others)}  # fmt: skip

        def all_told() -> bool:
            return numbers() == {events: times * HOLDING, others: times * (PODS - HOLDING)}

        until(all_told, f"all pods {times} times", WAIT_SECONDS)


@contextmanager
def _client(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Entered once it has listed all pods."""
    with subprocess.Popen([str(PYTHON), CLIENT, *words], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "listed\n"
            yield child
        finally:
            child.kill()
