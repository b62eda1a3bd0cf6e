"""`driftledger evaluate` run in process, and its numbers by their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from typer.testing import CliRunner, Result

from pipeline.cli.app import app
from tests.evaluate.predictions_file import COLUMNS, columns


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


class Numbers(dict[tuple[int, str], Any]):
    """Rows by chunk and column|metric|method; of segments the verdict on accuracy."""

    segments: dict[str, Any]


def numbers(result: Result) -> Numbers:
    assert result.exit_code in (0, 6), result.output
    rows = json.loads(result.stdout)["rows"]
    whole = [r for r in rows if not r["segment"]]
    found = Numbers({(r["chunk"], f"{r['column']}|{r['metric']}|{r['method']}"): r for r in whole})
    found.segments = {
        r["segment"]: r for r in rows if r["segment"] and r["kind"] == "verdict" and r["metric"] == "accuracy"
    }
    return found


def evaluated(folder: Path, table: pa.Table, roles: str = COLUMNS, **options: str) -> Numbers:
    """`table` against the reference of the seeded file."""
    reference, data, names = (folder / n for n in ("reference.parquet", "data.parquet", "columns.yaml"))
    if not reference.exists():
        pq.write_table(pa.table(columns(2_000, 1, drift=False)), reference)
    pq.write_table(table, data)
    names.write_text(roles, encoding="utf-8")
    more = [f"--{name}={value}" for name, value in options.items()]
    asked = ("--reference", reference, "--data", data, "--columns", names, "-o", "json", *more)
    return numbers(run(*asked))


def level(found: dict[Any, Any], name: str, chunk: int = 0) -> str:
    return str(found[(chunk, name)]["level"])
