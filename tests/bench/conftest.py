"""Measured numbers go to one file of JSON lines, from which `page.py` writes docs/benchmarks.md."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

RESULTS = Path(os.environ.get("BENCH_RESULTS", "build/bench.jsonl"))


@pytest.fixture
def record() -> Callable[..., None]:
    """record(name, **numbers): one line of the results, also printed."""

    def write(name: str, **numbers: float | str) -> None:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"name": name, **numbers})
        with RESULTS.open("a", encoding="utf-8") as results:
            results.write(line + "\n")
        print(line)

    return write
