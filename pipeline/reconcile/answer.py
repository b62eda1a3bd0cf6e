"""The comparison as an answer: the ledger's nodes by day, the bill's lines, and what a reader must know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from pipeline.answers import dimensions
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost import cost
from pipeline.answers.cost_notes import NO_GPU
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.prices.book import PriceBook
from pipeline.reconcile.bill import Line, Refused
from pipeline.reconcile.compare import ZERO, Key, NodeDay, Part, compare
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Store

DIMENSIONS = ("category", "day", "sku", "resource", "node")
_SHOWN = 5
_DIGITS = 60


def reconcile(
    store: Store,
    rows: Iterable[Line | Refused],
    by: Sequence[str],
    book: PriceBook,
    currency: str,
    names: Mapping[str, str],
    rule: CostRule = CostRule(),  # noqa: B008  frozen
) -> tuple[Answer, int]:
    """The parts summed by the dimensions of `by`, and how many rows were refused.

    Bill and ledger are compared over the days that the bill has.  Raises NotFound where it has no line.
    """
    dimensions.check(by, DIMENSIONS)
    lines: list[Line] = []
    refused: list[Refused] = []
    for row in rows:
        if isinstance(row, Refused):
            refused.append(row)
        else:
            lines.append(row)
    if not lines:
        raise NotFound(f"the bill has no line that can be read ({len(refused)} refused)")
    window = _days(lines)
    rule = replace(rule, method=Method.allocation, idle=Spread.none, shared=Spread.none)
    found = cost(store, window, ("day", "node", "device"), book, currency, rule)
    parts = compare(lines, node_days(found), names, currency)
    notes = (*_notes(refused, parts, currency), *(note for note in found.notes if note != NO_GPU))
    if NO_GPU in found.notes:
        notes += (
            f"the ledger has no GPU on the days of the bill, {window.start:%Y-%m-%d} to {_last(window)}",
        )
    columns = (
        *(Column(name, kind="time" if name == "day" else "text") for name in by),
        Column("currency"),
        *(Column(name, kind="money") for name in ("bill", "ledger", "difference")),
    )
    total = _total(by, parts, currency)
    made = Answer(columns, _rows(by, parts), found.as_of, found.completeness, notes, total, window)
    return made, len(refused)


def node_days(answer: Answer) -> dict[Key, NodeDay]:
    """A node was there as long as its longest device; its cost is that of the devices with a price."""
    hours: dict[Key, Decimal] = defaultdict(Decimal)
    costs: dict[Key, list[Decimal | None]] = defaultdict(list)
    for row in answer.named():
        day, own, idle = row["day"], row["allocated_gpu_hours"], row["unallocated_gpu_hours"]
        assert isinstance(day, datetime) and isinstance(own, Decimal) and isinstance(idle, Decimal)
        key = day.date(), str(row["node"])
        hours[key] = max(hours[key], own + idle)
        amount = row["total_cost"]
        costs[key].append(amount if isinstance(amount, Decimal) else None)
    known = {key: [amount for amount in found if amount is not None] for key, found in costs.items()}
    return {
        key: NodeDay(hours[key], sum(amounts, ZERO) if amounts else None, len(amounts) == len(costs[key]))
        for key, amounts in known.items()
    }


def _last(window: Window) -> str:
    """Its last day."""
    return f"{window.end - timedelta(days=1):%Y-%m-%d}"


def _days(lines: Sequence[Line]) -> Window:
    first, last = min(line.day for line in lines), max(line.day for line in lines)
    start, end = (datetime.combine(day, datetime.min.time()) for day in (first, last))
    return Window(start, end + timedelta(days=1))


def _rows(by: Sequence[str], parts: Iterable[Part]) -> tuple[tuple[Value, ...], ...]:
    sums: dict[tuple[str, ...], list[Decimal]] = {}
    keys: dict[tuple[str, ...], tuple[Value, ...]] = {}
    with localcontext(prec=_DIGITS):
        for part in parts:
            key = (*(_value(part, name) for name in by), part.currency)
            words = tuple(map(str, key))
            keys[words] = key
            held = sums.setdefault(words, [ZERO, ZERO])
            held[0] += part.bill
            held[1] += part.ledger
        return tuple((*keys[k], bill, ours, bill - ours) for k, (bill, ours) in sorted(sums.items()))


def _value(part: Part, name: str) -> Value:
    if name == "day":
        return datetime.combine(part.day, datetime.min.time())
    return str(getattr(part, name))


def _total(by: Sequence[str], parts: Sequence[Part], currency: str) -> tuple[Value, ...]:
    """Of the ledger's currency; amounts in others cannot be added to it."""
    with localcontext(prec=_DIGITS):
        bill = sum((p.bill for p in parts if p.currency == currency), ZERO)
        ours = sum((p.ledger for p in parts), ZERO)
        return (*("" for _ in by), currency, bill, ours, bill - ours)


def _notes(refused: Sequence[Refused], parts: Sequence[Part], currency: str) -> list[str]:
    notes = []
    if refused:
        named = "; ".join(f"row {bad.row}: {bad.reason}" for bad in refused[:_SHOWN])
        notes.append(f"{len(refused)} rows of the bill cannot be read and are in no sum: {named}")
    others = Counter(part.currency or "no currency" for part in parts if part.currency != currency)
    for name, count in sorted(others.items()):
        notes.append(f"{count} lines are in {name}, which is not in the total in {currency}")
    return notes
