"""A ledger of whole months: cards that teams share, every hour seen, so that months can be closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.answers.window import month
from pipeline.months import book
from pipeline.months.close import close
from pipeline.months.closings import Closing
from pipeline.months.inputs import Inputs
from pipeline.months.terms import parse
from pipeline.prices import PriceBook
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Batch, Store
from tests.cost_rows import allocation, device, table

FIRST = datetime(2026, 1, 1)
THIRD = PriceBook.flat(Decimal("3.333333333"), "USD")
LIMITS = ClosingSettings()


def usage(con: Any, name: str, start: datetime, end: datetime, busy: int = 1800) -> None:
    """Every hour of [start, end) seen whole, rolled up."""
    con.execute(
        "INSERT INTO gpu_usage BY NAME SELECT $start::TIMESTAMP + to_hours(h::INTEGER) AS minute, "
        "'c' AS cluster, 'n' AS node, $name AS device, 3600 AS observed_seconds, $busy AS busy_seconds, "
        "3000 AS active_seconds, 600 AS idle_held_seconds, 0 AS memory_byte_seconds, 0 AS energy_joules, "
        "60 AS samples, 60 AS span_minutes FROM range($hours) AS t(h)",
        {"start": start, "name": name, "busy": busy, "hours": int((end - start) / timedelta(hours=1))},
    )


def months(folder: Path, count: int, *, teams: tuple[str, ...] = ("red", "blue", "green")) -> Store:
    """Cards a and b over that many months; the teams hold a third of a each, the first all of b."""
    end = FIRST
    for _ in range(count):
        end = month(end.year, end.month).end
    store = Store.open(folder)
    held = [
        allocation("a", f"{t}1", FIRST, None, (1, 3), team=t, workload=f"Deployment/{t}", time=end)
        for t in teams
    ]
    held.append(allocation("b", "b1", FIRST, None, team=teams[0], workload="Job/train", time=end))
    facts = {"devices": [device(n, FIRST, time=end) for n in "ab"], "allocations": held}
    store.append(Batch({name: table(name, rows) for name, rows in facts.items()}))
    with store.transaction() as con:
        for name in "ab":
            usage(con, name, FIRST, end)
    return store


def closed(store: Store, number: int, inputs: Inputs | None = None, **more: Any) -> Closing:
    """That month of 2026, closed ten days after its end."""
    span = month(2026, number)
    now = more.pop("now", span.end + timedelta(days=10))
    given = inputs or Inputs(THIRD)
    return close(store, span, given, LIMITS, now, program="driftledger test", actor="kim", **more)


TERMS = parse("""
version: fy26
usual: {tax_percent: 19}
teams:
  red: {markup_percent: 2.5, gl_code: "6100-12", cost_centre: CC-1}
  blue: {mode: showback, tax_percent: 0}
""")


def eventful(folder: Path) -> Store:
    """January and February closed; on February's statement a correction of January, a credit, a booking in
    another currency, mark-up, tax, and a team that is only shown."""
    store = months(folder, 2)
    closed(store, 1, Inputs(THIRD, terms=TERMS))
    start = FIRST + timedelta(days=4)
    late = allocation("a", "late", start, start + timedelta(hours=10), team="late", workload="Job/late")
    store.append(Batch({"allocations": table("allocations", [late])}))
    _booked(store, "red", "-12.50", "USD", "credit")
    _booked(store, "green", "7", "EUR", "adjustment")
    closed(store, 2, Inputs(THIRD, terms=TERMS))
    return store


def _booked(store: Store, team: str, amount: str, currency: str, category: str) -> None:
    now = datetime(2026, 2, 12)
    book.adjust(store, FIRST, team, Decimal(amount), currency, category, "a broken card", "kim", now)
