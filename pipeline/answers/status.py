"""How fresh and complete the ledger is: facts by kind and cluster, what was refused, what has no price."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cost import cost, extent
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.prices.book import PriceBook
from pipeline.prices.price import MATCH_FIELDS, Profile
from pipeline.store import Store
from pipeline.wire import mig

COLUMNS = (
    Column("kind"),
    Column("name"),
    Column("cluster"),
    Column("rows", "", "integer"),
    Column("first", "", "time", wide=True),
    Column("newest", "", "time"),
    Column("age", "minutes", "integer"),
    Column("detail"),
)
WRONG = ("rejected", "gap", "unpriced")
"""Kinds of rows that say that numbers are incomplete."""

_COMPLETENESS_OVER = timedelta(hours=24)


def status(store: Store, now: datetime, prices: PriceBook | None = None, currency: str = "USD") -> Answer:
    """Rows of kind fact, then of the kinds of WRONG.  `now` is UTC without a zone and only gives the ages.

    Completeness is that of GPU time in the last 24 hours that the ledger knows of.
    """
    book = prices or PriceBook.bundled()
    facts = store.query("status_facts").to_pylist()
    rows = [_row("fact", fact["fact"], fact, "", now) for fact in facts]
    missing = store.query("status_missing").to_pylist()
    rows += [_row(line["kind"], line["name"], line, line["detail"], now) for line in missing]
    rows += _unpriced(store, book, currency, now)
    newest = max((fact["newest"] for fact in facts if fact["newest"]), default=None)
    notes = [f"lake snapshot {store.snapshot()}", f"prices: {book.version}", *_unsized(store)]
    return Answer(COLUMNS, tuple(rows), newest, _completeness(store, book), tuple(notes))


def is_incomplete(answer: Answer) -> bool:
    """Whether something was refused, is missing or has no price."""
    return any(row[0] in WRONG for row in answer.rows)


def _row(kind: str, name: str, line: dict[str, Any], detail: str, now: datetime) -> tuple[Value, ...]:
    newest = line["newest"]
    # Towards zero: the newest minute is told by its end, which is still to come while it is filled.
    age = None if newest is None else int((now - newest) / timedelta(minutes=1))
    return kind, name, line["cluster"], line["rows"], line["first"], newest, age, detail


def _unpriced(store: Store, book: PriceBook, currency: str, now: datetime) -> Iterator[tuple[Value, ...]]:
    for line in store.query("status_devices").to_pylist():
        profile = Profile(**{f: line[f] for f in MATCH_FIELDS})
        at = line["newest"].replace(second=0, microsecond=0)
        span = book.spans(profile, at, at + timedelta(minutes=1), currency)[0]
        if span.price is None:
            yield _row("unpriced", line["gpu_model"] or "unknown GPU", line, f"{profile}: {span.reason}", now)


def _unsized(store: Store) -> Iterator[str]:
    """Partitions that the ledger counts by a guess."""
    for line in store.query("status_profiles").to_pylist():
        if mig.is_known(profile := line["mig_profile"]):
            continue
        named = f"the mig_profile {profile!r}, which is not known" if profile else "no mig_profile"
        counted = mig.share(profile, "") if profile else "all"
        yield (
            f"{line['devices']} partitions of {line['cluster']}, as {line['example']}, have {named}: "
            f"each counts as {counted} of its card; send their device events again with one such as 1g.10gb"
        )


def _completeness(store: Store, book: PriceBook) -> Decimal | None:
    try:
        whole = extent(store)
    except NotFound:
        return None
    recent = Window(max(whole.start, whole.end - _COMPLETENESS_OVER), whole.end)
    return cost(store, recent, ("cluster",), book).completeness
