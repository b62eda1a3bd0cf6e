"""How long a person waits: `driftledger --help`, and the demo from nothing to its verified rollback."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench
DRIFTLEDGER = Path(sys.executable).parent / "driftledger"


def _seconds(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([str(DRIFTLEDGER), *arguments], capture_output=True, check=True)
    return time.perf_counter() - start


def test_help_is_there_in_0_3_seconds(record):
    _seconds("--help")
    runs = [_seconds("--help") for _ in range(7)]
    record("driftledger --help", median_seconds=statistics.median(runs), longest_seconds=max(runs))
    assert statistics.median(runs) < 0.3


def test_the_demo_reaches_its_rollback_in_a_minute(record):
    seconds = _seconds("demo", "--headless")
    record("driftledger demo --headless", seconds=seconds)
    assert seconds < 60
