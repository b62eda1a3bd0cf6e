"""The cases asked through the commands that a user has: `replay events`, then `cost` with a price file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pipeline.cli.app import app
from tests.conformance.case import Case


def events(cases: Sequence[Case]) -> str:
    """A CloudEvent a line."""
    lines = []
    for case in cases:
        for number, (kind, rows) in enumerate(case.events(), 1):
            header = {"specversion": "1.0", "type": f"driftledger.{kind}.v1", "source": f"{case.name}/{kind}"}
            lines.append(json.dumps({**header, "id": str(number), "sequence": str(number), "data": rows}))
    return "\n".join(lines) + "\n"


def prices(cases: Sequence[Case]) -> str:
    rows = [f"  - {{match: {{cluster: {case.name}}}, {_amount(case)}}}" for case in cases]
    off = [f"  - {{match: {{cluster: {c.name}}}, percent: {c.discount}}}" for c in cases if c.discount]
    discounts = ["discounts:", *off] if off else []
    return "\n".join(["version: conformance", "currency: USD", "prices:", *rows, *discounts]) + "\n"


def _amount(case: Case) -> str:
    if case.cores:
        return f'instance_hour: "{case.price}", cpu_count: {case.cores}'
    return f'gpu_hour: "{case.price}"'


def ask(folder: Path, cases: Sequence[Case], *options: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The lines of the answer, by case and by pod."""
    (folder / "events.jsonl").write_text(events(cases))
    (folder / "prices.yaml").write_text(prices(cases))
    store = ["--store", str(folder / "ledger")]
    run("replay", "events", str(folder / "events.jsonl"), *store)
    by = ["--by", "cluster", "--by", "pod", "--prices", str(folder / "prices.yaml"), "-o", "json"]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in json.loads(run(*options, "cost", *by, *store))["rows"]:
        found.setdefault(row["cluster"], {})[row["pod"]] = row
    return found


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout
