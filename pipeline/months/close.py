"""A month is closed once, in order, when its grace is over: its charges are kept, and never edited."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from pipeline.answers.window import Window, month
from pipeline.errors import DriftledgerError
from pipeline.facts.months import CHARGES, CLOSINGS
from pipeline.lake import chain, failures, tables
from pipeline.months import frozen
from pipeline.months.charge import to_row
from pipeline.months.closings import Closing, closings
from pipeline.months.digest import digest, header
from pipeline.months.draft import Draft, draft
from pipeline.months.gaps import gaps, objections
from pipeline.months.inputs import Inputs
from pipeline.months.span import first
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Store


class Refused(DriftledgerError):
    """The month cannot be closed as it is; the sentence says what stands in the way."""

    exit_code = 6


def close(
    store: Store,
    span: Window,
    inputs: Inputs,
    limits: ClosingSettings,
    now: datetime,
    *,
    program: str,
    actor: str,
    accept_gaps: bool = False,
) -> Closing:
    """Close the month `span` as the ledger is now; `now` is UTC without a zone.

    Raises ConfigError where the limits are written wrongly; Refused where it is closed already, another must
    be closed before, it or its grace is not over, or too much of it was not seen and `accept_gaps` is not
    given; StaleWatermark where somebody else closed a month meanwhile; StoreUnavailable where the disk is
    nearly full.
    """
    failures.check_space(store.location)
    with store.steady():
        known = closings(store)
        _once(span, known)
        _over(span, limits, now)
        _in_turn(store, span, known)
        missed = gaps(store, span, limits, inputs.prices)
        made = draft(store, span, inputs)
        against = objections(missed, made.completeness, limits)
    if against and not accept_gaps:
        remedy = "; closing.silent names what is retired or never measured" if missed else ""
        raise Refused(
            f"{span.start:%Y-%m} is not closed: {'; '.join(against)}; --accept-gaps closes it so{remedy}"
        )
    previous = known[-1].hash if known else ""
    closed = _closing(made, previous, against, now, program, actor)
    _commit(store, closed, made)
    return closed


def accepted(closed: Closing) -> tuple[str, ...]:
    """The gaps that were accepted with the close."""
    return tuple(json.loads(closed.header)["accepted"])


def _once(span: Window, known: Sequence[Closing]) -> None:
    done = next((c for c in known if c.month == span.start), None)
    if done is not None:
        at = f"{done.time:%Y-%m-%d %H:%M}Z"
        raise Refused(f"{span.start:%Y-%m} was closed at {at} as {done.hash[:12]}")


def _in_turn(store: Store, span: Window, known: Sequence[Closing]) -> None:
    """The month after the last that is closed, or the first in which a GPU was seen."""
    if known:
        due = month(known[-1].month.year, known[-1].month.month)
        due = month(due.end.year, due.end.month)
    else:
        due = first(store)
    if span.start != due.start:
        raise Refused(f"{span.start:%Y-%m} is not the next month: close {due.start:%Y-%m} first")


def _over(span: Window, limits: ClosingSettings, now: datetime) -> None:
    until = span.end + timedelta(days=limits.grace_days)
    if now < span.end:
        raise Refused(f"{span.start:%Y-%m} is not over")
    if now < until:
        raise Refused(
            f"{span.start:%Y-%m} is in its grace until {until:%Y-%m-%d %H:%M}Z: late facts still count; "
            "closing.grace_days says how long"
        )


def _closing(
    made: Draft, previous: str, against: Sequence[str], now: datetime, program: str, actor: str
) -> Closing:
    head = header(made, previous, against, now, program, actor)
    return Closing(
        month=made.month.start,
        hash=digest(head, made.charges),
        time=now,
        snapshot=made.snapshot,
        previous=previous,
        currency=made.inputs.currency,
        price_book=made.inputs.prices.version,
        rule=made.rule,
        inputs=frozen.dump(made.inputs),
        header=head,
        program=program,
        actor=actor,
        unpriced_other_hours=made.unpriced_other_hours,
    )


def _commit(store: Store, closed: Closing, made: Draft) -> None:
    rows = [to_row(charge, closed.month) for charge in made.charges]
    fields = {name: getattr(closed, name) for name in CLOSINGS.schema.names}
    with store.transaction() as con:
        chain.move(con, closed.previous, closed.hash)
        tables.insert(con, CHARGES.name, pa.Table.from_pylist(rows, schema=CHARGES.schema))
        tables.insert(con, CLOSINGS.name, pa.Table.from_pylist([fields], schema=CLOSINGS.schema))
