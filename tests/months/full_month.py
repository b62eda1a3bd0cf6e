"""A closed month with all that a statement can say: labels, a budget, an unlike day, a gap, an account."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from pipeline.answers.window import month
from pipeline.cli.app import app
from pipeline.months.closings import closing
from pipeline.months.inputs import Inputs
from pipeline.prices import PriceBook
from pipeline.store import Batch, Store
from reports.read import read
from reports.statement import Statement
from tests.cost_rows import allocation, device, table
from tests.ledger import START, Life, write
from tests.months.months_scene import closed, months, usage

FEBRUARY = datetime(2026, 2, 1)
BOOK = """
version: list
prices: [{gpu_hour: 2, currency: USD}]
rates:
- {from: EUR, to: USD, rate: 1.1, valid_from: 2026-01-01}
- {from: EUR, to: USD, rate: 1.25, valid_from: 2026-02-10}
- {from: EUR, to: USD, rate: 9, valid_from: 2026-03-01}
"""
TERMS = "version: fy26\nteams:\n  red: {gl_code: '6100-12', cost_centre: CC-1}\n"
BUDGETS = """
budgets:
- {name: red's month, match: {team: red}, amount: 1500, currency: USD}
- {name: red's quarter, match: {team: red}, amount: 9000, currency: USD, period: quarter}
- {name: in yen, match: {team: blue}, amount: 9000, currency: JPY}
- {name: in euros, match: {team: blue}, amount: 1000, currency: EUR}
- {name: by label, match: {label.app: web}, amount: 9000, currency: USD, period: quarter}
"""


def full(folder: Path) -> Store:
    """January and February of cards a and b at 2.00 an hour, January closed.

    On the 20th of February a third card works; of the 25th nobody heard; on the 10th of each month version 1
    answers 400 requests, of which one in ten is wrong, and half of January's labels come after its close.
    """
    store = months(folder, 2)
    with store.transaction() as con:
        con.execute("UPDATE allocations SET model = 'fraud', model_version = '1' WHERE pod = 'b1'")
        con.execute("UPDATE allocations SET labels = '{\"label.app\":\"web\"}' WHERE pod IN ('b1', 'blue1')")
    early = _answers(datetime(2026, 1, 10))
    late = early["labels"][200:]
    write(store, **(early | {"labels": early["labels"][:200]}))
    closed(store, 1, Inputs(PriceBook.flat(Decimal(2), "USD")))
    day, end = datetime(2026, 2, 20), month(2026, 2).end
    more = {
        "devices": [device("x", day, day + timedelta(days=1), time=end)],
        "allocations": [allocation("x", "x1", day, day + timedelta(days=1), team="red", workload="Job/x")],
    }
    store.append(Batch({name: table(name, rows) for name, rows in more.items()}))
    with store.transaction() as con:
        usage(con, "x", day, day + timedelta(days=1))
        con.execute("DELETE FROM gpu_usage WHERE minute >= '2026-02-25' AND minute < '2026-02-26'")
    write(store, **_answers(datetime(2026, 2, 10)))
    write(store, labels=late)
    return store


def _answers(day: datetime) -> dict[str, list[dict[str, Any]]]:
    """400 requests to version 1 from that day's first minute on, each with its label."""
    facts = Life().serve("1", 0, 20, error=0.1).facts()
    for rows in facts.values():
        for row in rows:
            row.update({name: row[name] + (day - START) for name in ("minute", "time") if name in row})
    for name in ("predictions", "labels"):
        for row in facts[name]:
            row["prediction_id"] = f"{day:%m}-{row['prediction_id']}"
    return {name: facts[name] for name in ("prediction_sums", "predictions", "labels")}


def close_by_command(folder: Path, files: Path, *more: str) -> Result:
    """February, with the prices, terms and budgets of files."""
    given = []
    for key, text in (("closing.prices", BOOK), ("closing.terms", TERMS), ("budgets.file", BUDGETS)):
        path = files / f"{key}.yaml"
        path.write_text(text)
        given += ["--set", f"{key}={path}"]
    command = ["report", "close", "--month", "2026-02", "--store", str(folder), *more]
    return CliRunner().invoke(app, [*given, *command])


def statement(folder: Path) -> Statement:
    with Store.open(folder, read_only=True) as store:
        given = closing(store, FEBRUARY).thawed()
        return read(store, lambda n: Store.open(folder, snapshot=n), month(2026, 2), given)
