"""Registers references: what later events of a model are compared with."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from detectors.references import Reference
from pipeline.facts.models import REFERENCES
from pipeline.store import Batch, Store


def register(store: Store, reference: Reference, now: datetime) -> bool:
    """Keep the reference under its identity; facts folded from now on name it.

    `now` is UTC, with a zone or without.  False where the ledger has it already: references never change,
    so nothing is written.
    """
    known = store.rows(REFERENCES.name).column("reference").to_pylist()
    if reference.reference in known:
        return False
    stamp = now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)
    columns = [[reference.reference], [reference.model], [reference.to_json()], [stamp], [0]]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, REFERENCES.schema, strict=True)]
    store.append(Batch({REFERENCES.name: pa.table(arrays, schema=REFERENCES.schema)}))
    return True
