"""`python -m tests.bench.detection`: simulated streams and real data, to docs/detection.md with plots."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench.detection import audits, claims, delays, false_alarms, flights, page
from tests.bench.detection.false_alarms import Nulls, Row

KEPT = Path("build/detection.json")
STREAMS = 200
"""Null weeks of each kind."""
CHANGES = 60
"""Streams of each change; the slow peers see FEWER of them."""
FEWER = 20


def simulated() -> dict[str, list[Row]]:
    """Rows by table."""
    start = time.process_time()
    names = {"ADWIN": STREAMS, "ADWIN delta 1e-5": STREAMS, "HDDM_A": FEWER, "HDDM_W": FEWER}
    nulls = Nulls(names)
    found: dict[str, Iterable[Row]] = {
        "errors that do not change": false_alarms.of_errors(STREAMS),
        "features that do not change": false_alarms.of_features(STREAMS),
        "segments that do not change": false_alarms.of_segments(STREAMS),
        "requests over an objective": false_alarms.of_objective(STREAMS),
        "a canary that errs as its neighbour": false_alarms.of_canary(STREAMS),
        "a mix that moves by the hour": false_alarms.of_rhythm(STREAMS),
        "twenty features": false_alarms.of_features(STREAMS // 4, features=20, kinds=("independent",)),
        "peers on errors that do not change": nulls.rows,
        "errors that rise": delays.of_errors(CHANGES, FEWER, nulls),
        "features that move": delays.of_features(CHANGES),
        "flights": flights.by_month(),
        "estimates on other data": audits.other_data(),
    }
    tables = {name: list(rows) for name, rows in found.items()}
    tables["run"] = [{"cpu_seconds": time.process_time() - start}]
    return tables


if __name__ == "__main__":
    if "--page" not in sys.argv:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(simulated(), default=float), encoding="utf-8")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    page.write(kept)
    if failed := list(claims.broken(kept)):
        sys.exit("docs/detection.md is written, and does not show what it must:\n" + "\n".join(failed))
