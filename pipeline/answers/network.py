"""What the network costs: bytes by workload and class, priced, with how they are known and how surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from pipeline.answers import dimensions, rolled
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost_query import HELD
from pipeline.answers.network_split import ESTIMATED, KNOWN, UNPLACED, UNSEEN, Part, Sent, split
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.ownership.rules import Holder, Ownership
from pipeline.prices.book import PriceBook
from pipeline.prices.exact import EXACT, over, times
from pipeline.prices.network import gib_price
from pipeline.prices.price import Profile
from pipeline.store import Store

DIMENSIONS = ("team", "cluster", "namespace", "workload", "class", "basis", "method")
GIB = 1 << 30
_NANO = Decimal("1e-9")

BASIS = (
    "basis: measured, the source of bytes tells the class; estimated, it tells a total that is shared out by "
    "connections; unplaced, a total of which no connection says where it went; no_bytes, connections alone"
)
INTERVAL = (
    "cost_low and cost_high of an estimate hold whatever bytes a connection carries: all of them at the "
    "cheapest or at the dearest class that the workload talks to"
)
UNPRICED = "{gib} GiB have no price and are in no cost: docs/network.md says how to write one"
NO_BYTES = "no source tells bytes of {count} workloads: their cost is unknown; see docs/network.md"
FREE = "same_zone has no price and counts as free"
NOTHING = "the ledger holds no flow of this window; collect hubble events: docs/collectors/hubble.md"


class _Line(NamedTuple):
    names: dict[str, str]
    part: Part
    cost: Decimal | None
    low: Decimal | None
    high: Decimal | None


def network(
    store: Store,
    window: Window,
    by: Sequence[str] = ("workload", "class"),
    prices: PriceBook | None = None,
    currency: str = "USD",
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Answer:
    """One row a value of the dimensions of `by`, the dearest first; each byte counts for its sender.

    Costs are exact to the billionth of the currency.  Raises ConfigError for an unknown dimension, or prices
    that contradict each other.
    """
    dimensions.check(by, DIMENSIONS)
    book = prices or PriceBook.bundled()
    with store.steady():
        lines = list(_lines(store, window, book, currency, owners))
        found = store.query("network_sums", start=window.start, end=window.end).to_pylist()
        notes = (*_notes(lines, book), *rolled.notes(store, window))
    as_of: datetime | None = max((row["last"] for row in found), default=None)
    groups: dict[tuple[str, ...], list[_Line]] = defaultdict(list)
    for line in lines:
        groups[tuple(line.names[d] for d in by)].append(line)
    rows = [(*key, *_summed(of), currency) for key, of in groups.items()]
    cost_at = len(by) + 1
    rows.sort(key=lambda row: (-_number(row[cost_at]), -_number(row[len(by)]), row[: len(by)]))
    total = (*("" for _ in by), *_summed(lines), currency) if lines else None
    return Answer(_columns(by, currency), tuple(rows), as_of, None, notes, total, window)


def extent(store: Store) -> Window:
    """From the first to the last minute that a flow speaks of; NotFound where there is none."""
    (row,) = store.query("network_extent").to_pylist()
    if row["first"] is None:
        raise NotFound("the ledger holds no flow; collect hubble events: docs/collectors/hubble.md")
    return Window(row["first"], row["last"])


def _columns(by: Sequence[str], currency: str) -> tuple[Column, ...]:
    return (
        *(Column(d) for d in by),
        Column("gib", "GiB", "decimal"),
        *(Column(name, currency, "money") for name in ("cost", "cost_low", "cost_high")),
        Column("unpriced_gib", "GiB", "decimal"), Column("bytes", kind="integer", wide=True),
        *(Column(name, kind="integer") for name in ("connections", "flows", "dropped")),
        Column("currency", wide=True),
    )  # fmt: skip


def _lines(
    store: Store, window: Window, book: PriceBook, currency: str, owners: Ownership
) -> Iterator[_Line]:
    """Part by part, in spans within which neither a price nor an owner changes."""
    places = {row["cluster"]: row for row in store.query("cluster_places").to_pylist()}
    held = {HELD: store.query("cost_allocations")}
    labels = {
        (row["cluster"], row["namespace"], row["workload"]): (row["team"], "", row["labels"])
        for row in store.query("cost_known_holders", tables=held).to_pylist()
    }
    edges = {window.start, window.end, *_changes(book, owners, window)}
    for start, end in pairwise(sorted(edges)):
        sent: dict[tuple[str, str, str], list[Sent]] = defaultdict(list)
        for row in store.query("network_sums", start=start, end=end).to_pylist():
            key = (row["cluster"], row["namespace"], row["workload"])
            sent[key].append(
                Sent(
                    row["class"],
                    row["method"],
                    row["flows"],
                    row["connections"],
                    row["dropped"],
                    row["bytes"],
                )
            )
        for key, of in sent.items():
            place = places.get(key[0], {})
            profile = Profile(key[0], place.get("provider", ""), place.get("region", ""))
            gib = {
                kind: gib_price(book.network, book.rates, profile, kind, start, currency) for kind in KNOWN
            }
            team = _team(Holder(*key, *labels.get(key, ("", ""))), owners, start)
            for part in split(of):
                names = dict(zip(("cluster", "namespace", "workload"), key, strict=True))
                names |= {
                    "team": team,
                    "class": part.kind,
                    "basis": part.basis,
                    "method": part.method or "none",
                }
                yield _Line(names, part, *_priced(part, gib, {s.kind for s in of}))


def _changes(book: PriceBook, owners: Ownership, window: Window) -> set[datetime]:
    edges = {t for row in book.network for t in (row.valid_from, row.valid_to)}
    edges |= {t for rule in owners.rules for t in (rule.valid_from, rule.valid_to)}
    edges |= {rate.valid_from for rate in book.rates}
    return {t for t in edges if t is not None and window.start < t < window.end}


def _team(holder: Holder, owners: Ownership, at: datetime) -> str:
    named = next((s.owner.team for s in owners.spans(holder) if s.start <= at < s.end), "")
    return named or holder.team or "unowned"


def _priced(
    part: Part, gib: dict[str, Decimal | None], talks: set[str]
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Cost with its bounds; what is measured has no doubt in it."""
    if part.bytes is None:
        return None, None, None
    price = gib.get(part.kind)
    cost = None if price is None else _money(part.bytes, price)
    if part.basis not in (ESTIMATED, UNPLACED):
        return cost, cost, cost
    possible = [gib[kind] for kind in KNOWN if kind in talks or part.basis == UNPLACED]
    known = [p for p in possible if p is not None]
    if len(known) < len(possible) or not known:
        return cost, None, None
    return cost, _money(part.bytes, min(known)), _money(part.bytes, max(known))


def _money(size: int, gib: Decimal) -> Decimal:
    return over(times(Decimal(size), gib), GIB).quantize(_NANO, ROUND_HALF_EVEN, context=EXACT)


def _summed(lines: Sequence[_Line]) -> tuple[Value, ...]:
    """gib, cost, low, high, unpriced gib, bytes, connections, flows, dropped; None where nothing is known."""
    told = [line for line in lines if line.part.bytes is not None]
    size = sum(line.part.bytes or 0 for line in told) if told else None
    unpriced = sum(line.part.bytes or 0 for line in told if line.cost is None)
    sums = [[getattr(line, name) for line in told] for name in ("cost", "low", "high")]
    costs = [v for v in sums[0] if v is not None]
    bounds = [sum(values, Decimal(0)) if values and None not in values else None for values in sums[1:]]
    counts = (sum(getattr(line.part, name) for line in lines) for name in ("connections", "flows", "dropped"))
    cost = sum(costs, Decimal(0)) if costs else None
    return (_gib(size), cost, *bounds, _gib(unpriced), size, *counts)


def _gib(size: int | None) -> Decimal | None:
    return None if size is None else over(Decimal(size), GIB).quantize(Decimal("1e-6"), context=EXACT)


def _number(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def _notes(lines: Sequence[_Line], book: PriceBook) -> Iterator[str]:
    if not lines:
        yield NOTHING
        return
    unpriced = sum(line.part.bytes or 0 for line in lines if line.cost is None)
    if unpriced:
        yield UNPRICED.format(gib=f"{_gib(unpriced):f}")
    silent = {tuple(line.names[d] for d in ("cluster", "namespace", "workload"))
              for line in lines if line.part.basis == UNSEEN}  # fmt: skip
    if silent:
        yield NO_BYTES.format(count=len(silent))
    if not any(p.kind == "same_zone" for p in book.network):
        yield FREE
    yield BASIS
    if any(line.part.basis in (ESTIMATED, UNPLACED) for line in lines):
        yield INTERVAL
    yield f"prices: {book.version}"
