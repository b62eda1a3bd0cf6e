"""The operator's page is true: every metric, kind of gap and header of a dead letter has its line."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline import offset_gaps
from pipeline.wire import dead_letter
from pipeline.worker.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
EVENTS = (DOCS / "events.md").read_text(encoding="utf-8")


def test_the_metrics_are_those_of_the_code() -> None:
    """An alert on a metric that does not exist never fires."""
    table = OPERATIONS.split("| metric | meaning |")[1].split("Alerts")[0]
    written = set(re.findall(r"`(driftledger_\w+)", table))
    collected = {f.name + ("_total" if f.type == "counter" else "") for f in Metrics().registry.collect()}
    assert written == collected


def test_alerts_name_metrics_of_the_table() -> None:
    """The same, for the expressions to copy."""
    named = set(re.findall(r"driftledger_[a-z_]+", OPERATIONS))
    assert named == set(re.findall(r"driftledger_[a-z_]+", OPERATIONS.split("Alerts worth")[0]))


def test_the_kinds_of_gaps_are_explained() -> None:
    """Somebody who is told of a loss looks here for what it means."""
    kinds = {offset_gaps.LOST, offset_gaps.TRUNCATED, offset_gaps.RECREATED}
    assert all(f"| `{kind}` |" in OPERATIONS for kind in kinds)


def test_the_headers_of_a_dead_letter_are_explained() -> None:
    """Who repairs one by hand needs to know where it came from."""
    assert all(f"| `{name}` | {meaning} |" in EVENTS for name, meaning in dead_letter.MEANINGS.items())
