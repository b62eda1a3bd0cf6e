"""10,000 pods listed and changed: our collector of allocations beside the official Python client."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.memory import spent

PYTHON = Path(".venv-kubernetes/bin/python")
CLIENT = str(Path(__file__).parent / "pods_client.py")

pytestmark = pytest.mark.bench


def test_ten_thousand_pods_and_as_many_changes(record):
    """Ours makes intervals of them, and a cursor, where the client only keeps node and phase."""
    assert PYTHON.exists(), "the official client is not there; `make bench` makes it"
    ours = _measured(sys.executable, "-m", "tests.bench.pods_ours")
    theirs = [_measured(str(PYTHON), CLIENT, options=[how]) for how in ("models", "plain")]
    named = zip(
        ("driftledger", "official client", "official client, plain JSON"), (ours, *theirs), strict=True
    )
    for who, found in named:
        record(
            "10,000 pods and 10,000 changes",
            who=who,
            list_cpu_seconds=found["list"],
            cpu_seconds_a_thousand_changes=found["changes"] / 10,
            peak_MB=found["peak"],
        )
    assert ours["list"] <= 2 and ours["changes"] / 10 <= 0.2 and ours["peak"] <= 250


def _measured(*command: str, options: list[str] | None = None) -> dict[str, Any]:
    with _server() as url:
        done = spent([*command, url, *(options or [])])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"peak": done.peak_rss_bytes // 2**20}


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.pods_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{child.stdout.readline().split()[0]}"
        finally:
            child.kill()
