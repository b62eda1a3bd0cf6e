"""Answers of the judge's look-back, and those that ended in one way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa

from detectors.answer_endings import Known, known
from detectors.references import Reference
from pipeline.facts.models import FEATURE_BINS, MISSING_BIN
from pipeline.renewed_rows import Source
from pipeline.store import Store


def source(store: Store, references: Mapping[str, Reference], name: str) -> Source:
    """Count and endings of the models whose reference can tell."""
    asked = {m: (of.reference, told) for m, of in references.items() if (told := known(of, name))}
    tables = {"endings": _asked(asked)}

    def read(start: datetime, end: datetime) -> pa.Table:
        return store.query("ending_minutes", tables=tables, start=start, end=end, missing=MISSING_BIN)

    def news(first: int, last: int, start: datetime) -> pa.Table:
        return store.query(
            "ending_added", tables=tables, first=first, last=last, start=start, missing=MISSING_BIN
        )

    return Source((FEATURE_BINS.name,), asked, read, news)


def _asked(asked: Mapping[str, tuple[str, Known]]) -> pa.Table:
    known = [of for _, of in asked.values()]
    return pa.table(
        {
            "model": pa.array(asked, pa.string()),
            "reference": pa.array([reference for reference, _ in asked.values()], pa.string()),
            "feature": pa.array([of.feature for of in known], pa.string()),
            "bins": pa.array([of.bins for of in known], pa.list_(pa.int32())),
        }
    )
