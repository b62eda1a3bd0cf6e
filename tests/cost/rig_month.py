"""What a real control plane told, stretched to a month: its cost by the ledger, and by a plain sum."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from tests.cost.test_cost_clusters import plain_sum
from tests.cost.test_cost_laws import plain_store

START, END = datetime(2026, 10, 1), datetime(2026, 10, 31)
EDGES = [START, datetime(2026, 10, 11), datetime(2026, 10, 21)]
DOLLARS = [Decimal("2.123456789"), Decimal("1.999999999"), Decimal("2.5")]
BOOK = PriceBook(
    "three prices",
    tuple(Price(f"from {a}", (), price, "USD", a) for a, price in zip(EDGES, DOLLARS, strict=True)),
)
TIMES = ("start", "end", "time")
Rows = Sequence[dict[str, Any]]
Facts = Mapping[str, Rows]


class Line(NamedTuple):
    """Of a node: what the ledger says, and device-hours x price, each hour and price cut to the billionth."""

    devices: int
    hours: Decimal
    held: Decimal
    """Of the hours, those in which a pod had the device."""
    pods: frozenset[str]
    """To whom some of the cost was."""
    ledger: Decimal
    plain: Decimal


def stretched(facts: Facts) -> dict[str, list[dict[str, Any]]]:
    """From the first instant to the last that is told, as the month; whole microseconds."""
    times = [t for rows in facts.values() for row in rows for t in row.values() if isinstance(t, datetime)]
    first, whole = min(times), max(times) - min(times)

    def at(value: Any) -> Any:
        if not isinstance(value, datetime):
            return value
        micros = _us(value - first)
        return START + timedelta(
            microseconds=micros * ((END - START) // timedelta(microseconds=1)) // _us(whole)
        )

    return {name: [{k: at(v) for k, v in row.items()} for row in rows] for name, rows in facts.items()}


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def month(facts: Facts) -> dict[str, Line]:
    """By node."""
    told = stretched(facts)
    hours = {START + timedelta(hours=n) for n in range(721)}
    prices = [(a, int(price.scaleb(9))) for a, price in zip(EDGES, DOLLARS, strict=True)]
    plain: dict[str, Decimal] = defaultdict(Decimal)
    there: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in told["devices"]:
        there[row["node"], row["device"]].append((row["start"], row.get("end") or END))
    for (node, _), spans in there.items():
        plain[node] += plain_sum(spans, prices, sorted(hours))
    with TemporaryDirectory() as folder, plain_store(folder, **told) as store:
        answer = cost(store, Window(START, END), ("node", "device", "pod"), BOOK)
    ledger: dict[str, Decimal] = defaultdict(Decimal)
    seen: dict[str, Decimal] = defaultdict(Decimal)
    held: dict[str, Decimal] = defaultdict(Decimal)
    pods: dict[str, set[str]] = defaultdict(set)
    for row in answer.named():
        node = row["node"]
        ledger[node] += row["total_cost"]
        seen[node] += row["allocated_gpu_hours"] + row["unallocated_gpu_hours"]
        held[node] += row["allocated_gpu_hours"]
        pods[node] |= {row["pod"]} if row["allocated_gpu_hours"] and row["total_cost"] else set()
    count = {node: sum(of == node for of, _ in there) for node in plain}
    return {
        node: Line(count[node], seen[node], held[node], frozenset(pods[node]), ledger[node], plain[node])
        for node in sorted(plain)
    }


def check(lines: Mapping[str, Line]) -> None:
    """That nodes and pods of the month that `tests/allocation/test_month_rig.py` lives cost what they should.

    A collector that told no holder, or one holder all the time, must not pass.
    """
    assert {node: sorted(one.pods) for node, one in lines.items()} == {
        "n1": ["a", "b"], "n2": ["c", "e"], "n3": ["d"],
    }  # fmt: skip
    assert all(one.ledger == one.plain > 0 for one in lines.values())
    assert all(0 < one.held <= one.hours for one in lines.values())
    free = sum(one.hours - one.held for one in lines.values())
    assert free > 0, "pods come after their node, and leave before it"


def table(lines: Mapping[str, Line]) -> str:
    """As docs/cost.md has it."""
    rows = [
        f"| {node} | {one.devices} | {one.hours:,.1f} | {one.held:,.1f} | {one.ledger:,f} | {one.plain:,f} |"
        for node, one in lines.items()
    ]
    sums = [sum((getattr(one, name) for one in lines.values()), Decimal(0)) for name in ("ledger", "plain")]
    last = f"| all | | | | {sums[0]:,f} | {sums[1]:,f} |"
    head = "| node | GPUs | device-hours | held | the ledger, USD | device-hours × price, USD |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows, last]) + "\n"


def loaded(path: Path) -> Facts:
    """A history of facts as JSON."""

    def back(row: dict[str, Any]) -> dict[str, Any]:
        return {k: datetime.fromisoformat(v) if k in TIMES and v else v for k, v in row.items()}

    return {name: [back(row) for row in rows] for name, rows in json.loads(path.read_text()).items()}
