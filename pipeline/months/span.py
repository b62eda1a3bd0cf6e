"""Which months there are to charge: from the first in which a GPU was seen on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipeline.answers.cost import extent
from pipeline.answers.window import Window, month
from pipeline.store import Store


def first(store: Store) -> Window:
    """Nodes and pods may be years older than the ledger, and nobody saw then what they did.

    Where no usage was ever seen it is the month of the first fact.  NotFound where there is none.
    """
    seen: datetime | None = store.query("first_usage").to_pylist()[0]["first"]
    at = seen or extent(store).start
    return month(at.year, at.month)


def months(start: datetime, end: datetime) -> Iterator[Window]:
    """Every month that begins before `end`, from that of `start` on."""
    span = month(start.year, start.month)
    while span.start < end:
        yield span
        span = month(span.end.year, span.end.month)
