"""Measured numbers go to one file of JSON lines, from which the pages of docs/ are written."""

from __future__ import annotations

import json
import os
from pathlib import Path

RESULTS = Path(os.environ.get("BENCH_RESULTS", "build/bench.jsonl"))


def record(name: str, **numbers: float | str) -> None:
    """One line of the results, also printed."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"name": name, **numbers})
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(line + "\n")
    print(line)
