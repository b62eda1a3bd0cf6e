"""Registers references: what later events of a model are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from detectors.references import Reference
from pipeline.facts.models import REFERENCE_SAMPLES, REFERENCES
from pipeline.store import Batch, Store


def register(store: Store, reference: Reference, now: datetime, sample: Sequence[str] = ()) -> bool:
    """Keep the reference under its identity; facts folded from now on name it.

    `now` is UTC, with a zone or without; `sample` are rows of its own, as `feature_samples.contents` writes
    them.  False where the ledger has it already: references never change,
    so nothing is written.
    """
    known = store.rows(REFERENCES.name).column("reference").to_pylist()
    if reference.reference in known:
        return False
    _append(store, reference, now, 0, False, sample)
    return True


def freeze(store: Store, reference: Reference) -> bool:
    """Keep the registered reference in use, whatever is registered later; False where it is that already.

    Freezing another reference of the model moves on to that one.
    """
    rows = [r for r in store.rows(REFERENCES.name).to_pylist() if r["model"] == reference.model]
    newest = max(row["revision"] for row in rows)
    known = next(row for row in rows if row["reference"] == reference.reference)
    if known["frozen"] and known["revision"] == newest:
        return False
    _append(store, reference, known["time"], newest + 1, True, ())
    return True


def _append(
    store: Store, reference: Reference, now: datetime, revision: int, frozen: bool, sample: Sequence[str]
) -> None:
    stamp = now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)
    row = (reference.reference, reference.model, reference.to_json(), stamp, revision, frozen)
    arrays = [pa.array([value], field.type) for value, field in zip(row, REFERENCES.schema, strict=True)]
    facts = {REFERENCES.name: pa.table(arrays, schema=REFERENCES.schema)}
    if sample:
        rows = [pa.repeat(pa.scalar(reference.reference), len(sample)), pa.array(range(len(sample))), sample]
        facts[REFERENCE_SAMPLES.name] = pa.table(rows, schema=REFERENCE_SAMPLES.schema)
    store.append(Batch(facts))
