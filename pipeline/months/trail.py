"""What people and programs did to closed months, in order: closes, bookings, replies of teams, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.money import minor_digits, to_cents
from pipeline.facts.months import ADJUSTMENTS, DELIVERIES, REPLIES
from pipeline.months.close import accepted
from pipeline.months.closings import closings
from pipeline.store import Store

COLUMNS = (
    Column("time", kind="time"), Column("month"), Column("what"), Column("whose"), Column("state"),
    Column("detail"), Column("who"), Column("hash", kind="identity", wide=True),
)  # fmt: skip
Row = tuple[Value, ...]


def trail(store: Store, now: datetime, month: datetime | None = None) -> Answer:
    """Of every month, or of one, oldest first.  A booking is open until a closed month charges it."""
    with store.steady():
        rows = [*_closed(store), *_booked(store), *_said(store), *_delivered(store)]
    chosen = [row for row in rows if month is None or row[1] == f"{month:%Y-%m}"]
    return Answer(COLUMNS, tuple(sorted(chosen, key=lambda row: str(row[0]))), now, None)


def _closed(store: Store) -> Iterator[Row]:
    for c in closings(store):
        gaps = "; ".join(accepted(c))
        said = f"snapshot {c.snapshot}{f', with gaps that were accepted: {gaps}' if gaps else ''}"
        yield c.time, f"{c.month:%Y-%m}", "close", "all", "closed", said, c.actor, c.hash


def _booked(store: Store) -> Iterator[Row]:
    waiting = set(store.query("adjustments_open")["adjustment_id"].to_pylist())
    once = {row["adjustment_id"]: row for row in store.rows(ADJUSTMENTS.name).to_pylist()}
    for identity, row in once.items():
        amount = to_cents(row["amount"], minor_digits(row["currency"]))
        said = f"{amount:f} {row['currency']}: {row['reason']}"
        state = "open" if identity in waiting else "charged"
        month = f"{row['charge_month']:%Y-%m}"
        yield row["time"], month, row["category"], row["team"], state, said, row["actor"], ""


def _said(store: Store) -> Iterator[Row]:
    for row in store.rows(REPLIES.name).to_pylist():
        month = f"{row['month']:%Y-%m}"
        yield row["time"], month, "reply", row["team"], row["state"], row["reason"], row["actor"], row["hash"]


def _delivered(store: Store) -> Iterator[Row]:
    rows = store.rows(DELIVERIES.name).to_pylist()
    for row in sorted(rows, key=lambda row: (row["attempt"], row["state"] != "sending")):
        month, said = f"{row['month']:%Y-%m}", row["detail"] or f"attempt {row['attempt']}"
        yield row["time"], month, "delivery", row["target"], row["state"], said, "", row["hash"]
