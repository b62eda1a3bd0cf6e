"""Whether a ledger holds exactly what the same messages leave in the embedded one, row for row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from pipeline.answers.window import month
from pipeline.embedded import Embedded
from pipeline.events import Message
from pipeline.facts.catalogue import FACTS
from pipeline.months.inputs import Inputs
from pipeline.prices import PriceBook
from pipeline.registry import register
from pipeline.store import Store
from reports.read import read
from reports.statement import Statement
from tests.faults import stream

PLACE_OF_THE_LOG = ("topic_id", "partition", "offset", "time")
"""Where a broker put a message: the only columns in which two runs may differ."""

STEP = 200


def expected(folder: Path, messages: Iterable[Message]) -> Store:
    """A ledger made in process, without a broker, from the same messages."""
    store = Store.open(folder)
    prepare(store)
    embedded = Embedded(store)
    embedded.reload()
    batch: list[Message] = []
    for message in messages:
        batch.append(message)
        if len(batch) == STEP:
            embedded.take(batch)
            batch = []
    embedded.take(batch)
    return store


def prepare(store: Store) -> None:
    """Register the references of the stream's models."""
    for model in stream.MODELS:
        register(store, stream.reference(model), stream.START)


def differences(ours: Store, right: Store) -> dict[str, str]:
    """By fact: how the two ledgers differ; empty where they are the same row for row.  Gaps must be none."""
    found = {}
    with ours.steady(), right.steady():
        for name in FACTS:
            left, good = _rows(ours, name), _rows(right, name)
            if not left.equals(good):
                found[name] = f"{left.num_rows} rows, {good.num_rows} expected"
    return found


def _rows(store: Store, fact: str) -> pa.Table:
    rows = store.rows(fact)
    if fact != "rejected":
        return rows
    kept = [name for name in rows.column_names if name not in PLACE_OF_THE_LOG]
    return rows.select(kept).sort_by([(name, "ascending") for name in kept])


def inferences(store: Store) -> int:
    """How many were counted."""
    return int(sum(store.rows("prediction_sums").column("count").to_pylist()))


def months_equal(ours: Store, right: Store) -> bool:
    """Whether the statement of the stream's month is the same, to the last digit."""
    return _month(ours) == _month(right)


def _month(store: Store) -> Statement:
    inputs = Inputs(PriceBook.flat(Decimal("3.333333333"), "USD"))
    return replace(read(store, lambda _: store, month(2026, 10), inputs), snapshot=0)
