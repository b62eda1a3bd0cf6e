"""Closed months handed to each target once: claimed in the ledger before, and told there after."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import groupby
from types import MappingProxyType
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from pipeline.answers.window import month as month_of
from pipeline.errors import StaleWatermark
from pipeline.facts.months import DELIVERIES
from pipeline.lake import chain, tables
from pipeline.months.closings import Closing, closings
from pipeline.months.verify import Snapshots
from pipeline.store import Store
from reports.build import contents
from reports.ledger_lines import USUAL
from reports.ledger_lines import Mapping as Mapping_
from reports.mail import Partly, Unclear
from reports.parcel import Parcel
from reports.read import read
from reports.summary import summary
from reports.targets import Target

SENDING, SENT, FAILED, UNCLEAR = "sending", "sent", "failed", "unclear"
PATIENCE = timedelta(hours=1)
"""After so long an attempt that said nothing is dead."""
WAIT = timedelta(minutes=5)
"""Pause after the first failure; it doubles with each, up to a day."""
DOUBLINGS = 9
"""After so many it is longer than a day."""
LOOKS = 10
"""How often a step of an attempt looks again after others were first: each time one of them went on."""

Made = TypeVar("Made")
Row = dict[str, Any]
Clock = Callable[[], datetime]
"""The time now, UTC without a zone."""


def waiting(
    store: Store, targets: Sequence[Target], now: datetime, since: datetime | None = None
) -> list[tuple[Closing, Target]]:
    """Each closed month (from `since` on) that a target has not got and nobody hands it now, oldest first."""
    if not targets:
        return []
    told = _told(store)
    months = [c for c in closings(store) if since is None or c.month >= since]
    return [(c, t) for c in months for t in targets if _free(told.get((c.month, t.name), []), now)]


def held_up(store: Store, targets: Sequence[Target], now: datetime) -> list[Row]:
    """The last of each month and target that does not wait now and is not there: somebody is at it, or it
    failed and is in its pause.  By month."""
    names = {target.name for target in targets}
    told = [rows for (_, target), rows in sorted(_told(store).items()) if target in names]
    return [rows[-1] for rows in told if rows[-1]["state"] in (SENDING, FAILED) and not _free(rows, now)]


def deliver(
    store: Store,
    at: Snapshots,
    targets: Sequence[Target],
    clock: Clock,
    since: datetime | None = None,
    columns: Mapping_ = USUAL,
    before_each: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Hand over all that waits; returns what was tried.

    `clock` is read at each step: months that took an hour to make age no attempt that begins after them.

    A target that takes twice as once is asked again after a crash; a mail is not: it is told as unclear.
    Raises what `before_each` raises: who lost the right to go on stops before the next.
    """
    tried = []
    for closed, own in groupby(waiting(store, targets, clock(), since), key=lambda pair: pair[0]):
        made: Parcel | None = None
        for _, target in own:
            before_each()
            if (row := _given_up(store, closed, target, clock())) is not None:
                tried.append(row)
                continue
            # Made before the first claim: a crash amid the making leaves no attempt of which nobody knows.
            made = made or _made(store, at, closed, columns)
            if _claim(store, closed, target, clock):
                tried.append(_hand(store, closed, target, made, clock))
    return tried


def again(
    store: Store, at: Snapshots, target: Target, closed: Closing, clock: Clock, columns: Mapping_ = USUAL
) -> Row | None:
    """Hand it over once more, whatever was told of it; None where somebody is at it now.

    For a person who knows that it did not arrive, or that it is to be sent again.
    """
    made = _made(store, at, closed, columns)
    claimed = _claim(store, closed, target, clock, anew=True)
    return _hand(store, closed, target, made, clock) if claimed else None


def is_all_there(row: Row) -> bool:
    """Whether all got it whom that attempt was for: else somebody is to hear of it."""
    return row["state"] == SENT and not row["partly"]


def handed_over(store: Store, closed: Closing, name: str, digest: str) -> datetime | None:
    """When that file of that month with that SHA-256 was first handed over; None where it never was.

    What an older version drew is known by it, however this one would draw it.  What went out under another
    name is another file: red's bill as blue's, rows of FOCUS 1.4 as those of 1.2.
    """
    rows = [row for row in store.rows(DELIVERIES.name).to_pylist() if row["hash"] == closed.hash]
    return min(
        (row["time"] for row in rows if json.loads(row["files"] or "{}").get(name) == digest), default=None
    )


def _made(store: Store, at: Snapshots, closed: Closing, columns: Mapping_) -> Parcel:
    span = month_of(closed.month.year, closed.month.month)
    whole = read(store, at, span, closed.thawed())
    return Parcel(f"{closed.month:%Y-%m}", dict(contents(whole, columns)), partial(summary, whole))


def _given_up(store: Store, closed: Closing, target: Target, now: datetime) -> Row | None:
    """What is told of an attempt that was cut, at a target that must not get it twice."""
    if target.again:
        return None

    def step(con: duckdb.DuckDBPyConnection) -> Row | None:
        last = _history(store, closed, target)
        if not last or last[-1]["state"] != SENDING or not _free(last, now):
            return None
        chain.claim(con)
        rows = _table(closed, target, UNCLEAR, len(last), "cut amid it", now)
        tables.insert(con, DELIVERIES.name, rows)
        return _row(rows)

    return _alone(store, step)


def _hand(store: Store, closed: Closing, target: Target, made: Parcel, clock: Clock) -> Row:
    key = sha256(f"{closed.hash}|{target.name}".encode()).hexdigest()[:32]
    try:
        said = target.hand(made, key)
    except (OSError, ValueError) as error:  # what cannot be a host, a login or an endpoint is the latter
        state = UNCLEAR if isinstance(error, Unclear) else FAILED
        return _tell(store, closed, target, state, str(error)[:500], clock())
    files = {name: sha256(content).hexdigest() for name, content in target.files(made).items()}
    row = _tell(store, closed, target, SENT, said[:500], clock(), files)
    return row | {"partly": isinstance(said, Partly)}


def _claim(store: Store, closed: Closing, target: Target, clock: Clock, *, anew: bool = False) -> bool:
    """Whether this process is the one that hands it over now."""

    def step(con: duckdb.DuckDBPyConnection) -> bool:
        last, now = _history(store, closed, target), clock()
        at_it = bool(last) and last[-1]["state"] == SENDING
        if not _free(last, now) and (at_it or not anew):
            return False
        chain.claim(con)
        tables.insert(con, DELIVERIES.name, _table(closed, target, SENDING, len(last), "", now))
        return True

    return _alone(store, step)


def _alone(store: Store, step: Callable[[duckdb.DuckDBPyConnection], Made]) -> Made:
    """What the step makes of the ledger, committed: of two at once one fails its commit, and looks again.

    The other may have taken this very attempt, or one of another target.
    """
    for _ in range(LOOKS - 1):
        with suppress(StaleWatermark), store.transaction() as con:
            return step(con)
    with store.transaction() as con:
        return step(con)


def _free(last: Sequence[Row], now: datetime) -> bool:
    """Whether it is to be tried now, after all that was told of it."""
    if not last:
        return True
    state, since = last[-1]["state"], now - last[-1]["time"]
    if state == SENDING:
        return bool(since >= PATIENCE)
    failures = sum(row["state"] == FAILED for row in last)
    return state == FAILED and bool(since >= min(WAIT * 2 ** min(failures - 1, DOUBLINGS), timedelta(days=1)))


def _told(store: Store) -> dict[tuple[datetime, str], list[Row]]:
    """All attempts by month and target, oldest first."""
    found: dict[tuple[datetime, str], list[Row]] = defaultdict(list)
    rows = store.rows(DELIVERIES.name).to_pylist()
    for row in sorted(rows, key=lambda row: (row["attempt"], row["state"] != SENDING)):
        found[row["month"], row["target"]].append(row)
    return found


def _history(store: Store, closed: Closing, target: Target) -> list[Row]:
    return _told(store).get((closed.month, target.name), [])


def _tell(
    store: Store, closed: Closing, target: Target, state: str, detail: str, now: datetime,
    files: Mapping[str, str] = MappingProxyType({}),
) -> Row:  # fmt: skip
    rows = _table(closed, target, state, len(_history(store, closed, target)), detail, now, files)
    _alone(store, lambda con: tables.insert(con, DELIVERIES.name, rows))
    return _row(rows)


def _row(rows: pa.Table) -> Row:
    found: Row = rows.to_pylist()[0]
    return found


def _table(
    closed: Closing, target: Target, state: str, attempt: int, detail: str, now: datetime,
    files: Mapping[str, str] = MappingProxyType({}),
) -> pa.Table:  # fmt: skip
    row = {
        "month": closed.month, "target": target.name, "time": now, "state": state, "attempt": attempt,
        "detail": detail, "hash": closed.hash, "files": json.dumps(dict(files), sort_keys=True),
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=DELIVERIES.schema)
