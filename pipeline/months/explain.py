"""A line of a closed month walked down: its charges, who held each device when, and each price that held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cells import safe_text
from pipeline.answers.window import Window
from pipeline.answers.window import month as month_of
from pipeline.errors import NotFound
from pipeline.months.charge import BY, CORRECTION, Charge
from pipeline.months.closings import charged, charged_for, closing
from pipeline.months.corrections import corrected
from pipeline.months.inputs import Inputs
from pipeline.months.verify import Snapshots
from pipeline.prices.book import PriceBook
from pipeline.prices.price import MATCH_FIELDS, Profile
from pipeline.store import Store

COLUMNS = (
    Column("kind"), Column("of"), Column("what"), Column("device"), Column("start", kind="time"),
    Column("end", kind="time"), Column("gpu_hours", "hours", "decimal"),
    Column("price"), Column("cost", kind="money"), Column("amount", kind="money"),
    Column("source"),
)  # fmt: skip
MOST = 20
"""Names in an error."""
MEANING = (
    "a charge's cost is exact, its amount is what the largest remainder makes of it; a held row is a claim "
    "on the device, a price row what a GPU-hour of it cost then; a correction is what these come to less its "
    "charged row, what the statements before had charged"
)


def explain(store: Store, at: Snapshots, month: Window, line: str) -> Answer:
    """NotFound where the month is not closed or has no such line."""
    closed = closing(store, month.start)
    inputs = closed.thawed()
    every = charged(store, month.start)
    own = [c for c in every if _is(c, line)]
    if not own:
        raise NotFound(f"the statement of {month.start:%Y-%m} has no line {line!r}; {_lines(every)}")
    rows: list[tuple[Value, ...]] = []
    with at(closed.snapshot) as then:
        holders = then.rows("allocations").to_pylist()
        devices = then.rows("devices").to_pylist()
        late = {c.charge_month for c in own if c.kind == CORRECTION}
        before = {of: charged_for(then, of) for of in late}
        books = {of: _book(then, of, inputs, before[of]) for of in late}
    for charge in own:
        span = month_of(charge.charge_month.year, charge.charge_month.month)
        rows += [_charge(charge), *_before(charge, before.get(charge.charge_month, []))]
        book = books[charge.charge_month] if charge.kind == CORRECTION else inputs.prices
        rows += [*_held(charge, holders, span), *_prices(charge, devices, span, book)]
    return Answer(COLUMNS, tuple(rows), closed.time, None, (MEANING,), window=month)


def _book(store: Store, of: datetime, inputs: Inputs, before: Sequence[Charge]) -> PriceBook:
    """That by which the month was corrected, which may be its own."""
    span = month_of(of.year, of.month)
    return corrected(store, span, closing(store, of).thawed(), inputs, before)[1]


def _is(charge: Charge, line: str) -> bool:
    key = dict(zip(BY, charge.key, strict=True))
    return line in (charge.team, "/".join((charge.team, key["namespace"], key["workload"])))


def _lines(charges: Sequence[Charge]) -> str:
    """The teams that can be asked for: a page shows `cluster_idle` in other words."""
    names = sorted({c.team for c in charges})
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"it has those of {', '.join(map(safe_text, names[:MOST]))}{more}"


def _charge(c: Charge) -> tuple[Value, ...]:
    key = dict(zip(BY, c.key, strict=True))
    names = (key[name] for name in ("namespace", "workload", "model", "model_version"))
    what = c.detail or " ".join(name for name in names if name not in ("", "none"))
    of = f"{c.charge_month:%Y-%m}"
    return (c.kind, of, what, key["device"], None, None, c.hours[0] + c.hours[4], None, c.cost, c.amount,
            c.reference)  # fmt: skip


def _before(c: Charge, charges: Sequence[Charge]) -> Iterator[tuple[Value, ...]]:
    """What a correction is less than: the sum of all that was charged for it."""
    if c.kind != CORRECTION:
        return
    own = [one for one in charges if one.key == c.key]
    hours = sum((one.hours[0] + one.hours[4] for one in own), Decimal(0))
    cost = sum((one.cost or Decimal(0) for one in own), Decimal(0))
    amount = sum((one.amount or Decimal(0) for one in own), Decimal(0))
    device = dict(zip(BY, c.key, strict=True))["device"]
    yield ("charged", f"{c.charge_month:%Y-%m}", "by the statements before", device,
           None, None, hours, None, cost, amount, "")  # fmt: skip


def _held(c: Charge, holders: list[dict[str, Any]], month: Window) -> Iterator[tuple[Value, ...]]:
    key = dict(zip(BY, c.key, strict=True))
    for h in holders:
        same = all((h[n] or "") == key[n] for n in ("cluster", "device", "namespace", "workload"))
        end = h["end"] or month.end
        if key["device"] and same and h["start"] < month.end and end > month.start:
            share = f"{h['pod']}, {h['share_units']} of {h['device_units']}"
            yield ("held", "", share, key["device"], max(h["start"], month.start), min(end, month.end),
                   None, None, None, None, h["claim_uid"])  # fmt: skip


def _prices(
    c: Charge, devices: list[dict[str, Any]], month: Window, book: PriceBook
) -> Iterator[tuple[Value, ...]]:
    key = dict(zip(BY, c.key, strict=True))
    own = [d for d in devices if (d["cluster"], d["device"]) == (key["cluster"], key["device"])]
    for profile in {Profile(**{f: d.get(f) or "" for f in MATCH_FIELDS}): None for d in own}:
        for span in book.spans(profile, month.start, month.end, c.currency):
            price = span.price
            yield ("price", "", str(profile), key["device"], span.start, span.end, None,
                   None if price is None else f"{price.gpu_hour.normalize():f}", None, None,
                   span.reason if price is None else f"{price.name}: {price.source}")  # fmt: skip
