"""Whether the ledger's first month is a part of one: it was not there yet when the month began."""

from __future__ import annotations

from datetime import datetime

from pipeline.answers.window import HOUR, month
from pipeline.months.closings import closings
from pipeline.store import Store


def began(store: Store) -> datetime | None:
    """The first minute in which a GPU was seen, where it is more than an hour after its month's beginning.

    None where a month before it is closed: what was seen of that was there, and is kept no more.
    """
    seen: datetime | None = store.query("first_usage").to_pylist()[0]["first"]
    if seen is None or any(c.month < month(seen.year, seen.month).start for c in closings(store)):
        return None
    return seen if seen - month(seen.year, seen.month).start > HOUR else None
