"""A closed month computed again from its snapshot, and compared with what the chain says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from pipeline.answers.window import month as month_of
from pipeline.months.charge import Charge
from pipeline.months.closings import Closing, charged, closings
from pipeline.months.digest import digest
from pipeline.months.draft import Draft, draft
from pipeline.store import Store

HASHED = ("snapshot", "currency", "price_book", "rule", "program", "actor")
"""Columns of a closing that are in its header by the same name, beside its month and its time."""
Snapshots = Callable[[int], Store]
"""Opens the ledger as it was."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`problems` are sentences; none is a month that is as it was closed."""

    month: datetime
    hash: str
    problems: tuple[str, ...]


def verify(store: Store, at: Snapshots, month: datetime | None = None) -> list[Checked]:
    """Every closed month, or one: its link, its stored charges, and its charges from its snapshot."""
    known = {c.month: c for c in closings(store) if month in (None, c.month)}
    return [
        Checked(one.month, one.hash, (*one.problems, *_again(at, known[one.month])))
        for one in kept(store)
        if one.month in known
    ]


def kept(store: Store) -> list[Checked]:
    """Every closed month by what the ledger keeps of it, its link and its charges; none is computed again."""
    found, previous = [], ""
    for closed in closings(store):
        problems = (*_linked(closed, previous), *_stored(store, closed))
        found.append(Checked(closed.month, closed.hash, problems))
        previous = closed.hash
    if found and (gone := lost(store)):
        found[-1] = replace(found[-1], problems=(*found[-1].problems, gone))
    return found


def lost(store: Store) -> str | None:
    """A sentence where the chain goes on after the last month that the ledger has."""
    head = store.query("chain_head")["head"][0].as_py()
    known = closings(store)
    if head == (known[-1].hash if known else ""):
        return None
    return f"the chain ends with {head[:12] or 'no month'}, which is not the last month here"


def recomputed(at: Snapshots, closed: Closing) -> Draft:
    """The month's charges from its own snapshot and inputs."""
    with at(closed.snapshot) as then:
        return draft(then, month_of(closed.month.year, closed.month.month), closed.thawed())


def _linked(closed: Closing, previous: str) -> list[str]:
    said = []
    if closed.previous != previous:
        said.append(
            f"it names {closed.previous[:12] or 'no month'} as the month before, which is {previous[:12]}"
        )
    if sha256(closed.inputs.encode()).hexdigest() not in closed.header:
        said.append("its prices, owners, rule or terms are not those that were hashed")
    return said + _named(closed)


def _named(closed: Closing) -> list[str]:
    """Columns that are not what was hashed; an old header has fewer."""
    hashed = json.loads(closed.header)
    columns = {
        "month": f"{closed.month:%Y-%m}", "time": closed.time.isoformat(),
        **{name: getattr(closed, name) for name in HASHED},
    }  # fmt: skip
    return [
        f"its {name} is {value}, and {hashed[name]} was hashed"
        for name, value in columns.items()
        if name in hashed and hashed[name] != value
    ]


def _stored(store: Store, closed: Closing) -> list[str]:
    found = digest(closed.header, charged(store, closed.month))
    return (
        []
        if found == closed.hash
        else [f"its stored charges have the hash {found[:12]}, not {closed.hash[:12]}"]
    )


def _again(at: Snapshots, closed: Closing) -> list[str]:
    made = recomputed(at, closed)
    found = digest(closed.header, made.charges)
    if found == closed.hash:
        return []
    return [
        f"computed again from snapshot {closed.snapshot} it comes to {total(made.charges)} "
        f"with the hash {found[:12]}, not {closed.hash[:12]}"
    ]


def total(charges: tuple[Charge, ...]) -> Decimal:
    return sum((c.amount or Decimal(0) for c in charges), Decimal(0))
