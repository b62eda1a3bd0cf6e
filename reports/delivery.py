"""Closed months handed to each target once: claimed in the ledger before, and told there after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa

from pipeline.answers.window import month as month_of
from pipeline.facts.months import DELIVERIES
from pipeline.lake import chain, tables
from pipeline.months.closings import Closing, closings
from pipeline.months.verify import Snapshots
from pipeline.store import Store
from reports.build import contents
from reports.ledger_lines import USUAL
from reports.ledger_lines import Mapping as Mapping_
from reports.read import read
from reports.targets import Target

SENDING, SENT, FAILED, UNCLEAR = "sending", "sent", "failed", "unclear"
PATIENCE = timedelta(hours=1)
"""After so long an attempt that said nothing is dead."""
WAIT = timedelta(minutes=5)
"""Pause after the first failure; it doubles with each, up to a day."""

Row = dict[str, Any]


def deliver(
    store: Store,
    at: Snapshots,
    targets: Sequence[Target],
    now: datetime,
    since: datetime | None = None,
    columns: Mapping_ = USUAL,
) -> list[Row]:
    """Hand over every closed month (from `since` on) that a target has not got; returns what was tried.

    A target that takes twice as once is asked again after a crash; a mail is not: it is told as unclear.
    """
    tried = []
    for closed in closings(store):
        waiting = [t for t in targets if since is None or closed.month >= since]
        claimed = [t for t in waiting if _claim(store, closed, t, now)]
        if not claimed:
            continue
        span = month_of(closed.month.year, closed.month.month)
        made = dict(contents(read(store, at, span, closed.thawed()), columns))
        tried += [_hand(store, closed, target, made, now) for target in claimed]
    return tried


def _hand(store: Store, closed: Closing, target: Target, made: Mapping[str, bytes], now: datetime) -> Row:
    key = sha256(f"{closed.hash}|{target.name}".encode()).hexdigest()[:32]
    try:
        target.hand(made, f"{closed.month:%Y-%m}", key)
    except OSError as error:
        return _tell(store, closed, target, FAILED, str(error)[:500], now)
    return _tell(store, closed, target, SENT, f"{len(made)} files", now)


def _claim(store: Store, closed: Closing, target: Target, now: datetime) -> bool:
    """Whether this process is the one that hands it over now: of two at once one fails its commit."""
    with store.transaction() as con:
        last = _history(store, closed, target)
        if last and not _free(last, target, now):
            return False
        if last and last[-1]["state"] == SENDING and not target.again:
            tables.insert(
                con, DELIVERIES.name, _table(closed, target, UNCLEAR, len(last), "cut amid it", now)
            )
            return False
        chain.claim(con)
        tables.insert(con, DELIVERIES.name, _table(closed, target, SENDING, len(last), "", now))
    return True


def _free(last: list[Row], target: Target, now: datetime) -> bool:
    state, since = last[-1]["state"], now - last[-1]["time"]
    if state == SENDING:
        return bool(since >= PATIENCE)
    failures = sum(row["state"] == FAILED for row in last)
    return state == FAILED and bool(since >= min(WAIT * 2 ** (failures - 1), timedelta(days=1)))


def _history(store: Store, closed: Closing, target: Target) -> list[Row]:
    rows = store.rows(DELIVERIES.name).to_pylist()
    own = [row for row in rows if row["month"] == closed.month and row["target"] == target.name]
    return sorted(own, key=lambda row: (row["attempt"], row["state"] != SENDING))


def _tell(store: Store, closed: Closing, target: Target, state: str, detail: str, now: datetime) -> Row:
    attempt = len(_history(store, closed, target))
    with store.transaction() as con:
        rows = _table(closed, target, state, attempt, detail, now)
        tables.insert(con, DELIVERIES.name, rows)
    found: Row = rows.to_pylist()[0]
    return found


def _table(closed: Closing, target: Target, state: str, attempt: int, detail: str, now: datetime) -> pa.Table:
    row = {
        "month": closed.month, "target": target.name, "time": now, "state": state, "attempt": attempt,
        "detail": detail, "hash": closed.hash,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=DELIVERIES.schema)
