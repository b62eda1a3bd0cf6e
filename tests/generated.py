"""Valid events of every type, made by hypothesis from the types' own columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from pipeline.events import TYPES, Message

NOW = 1_790_000_000_000_000
WHEN = datetime.fromtimestamp(NOW / 1e6, UTC)

_VALUES = {
    "string": st.text(
        alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
    ),
    "int": st.integers(0, 2**40),
    "float": st.floats(0, 1),
    "bool": st.booleans(),
    "time": st.integers(0, 86_400).map(lambda s: WHEN - timedelta(seconds=s)),
    "features": st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(-1e6, 1e6), max_size=3),
}


def _value(column):
    if column.choices:
        return st.sampled_from(column.choices)
    if column.name in ("interval_seconds", "device_units"):
        return st.integers(1, 60)
    if column.name == "end":
        return st.just(WHEN)
    return _VALUES[column.kind]


def row(type_):
    required = {c.name: _value(c) for c in type_.columns if c.required}
    optional = {c.name: _value(c) for c in type_.columns if not c.required}
    return st.fixed_dictionaries(required, optional=optional).map(_fitting)


def _fitting(row):
    """A bucket is of a time, and ends above its beginning."""
    if "histogram" in row:
        row = {**row, "counter": "latency"}
    if "bucket_at_most_seconds" in row and "bucket_above_seconds" in row:
        low, high = sorted((row["bucket_above_seconds"], row["bucket_at_most_seconds"]))
        row = {**row, "bucket_above_seconds": low, "bucket_at_most_seconds": high}
    return row


def batches():
    return st.sampled_from(sorted(TYPES)).flatmap(
        lambda name: st.tuples(st.just(TYPES[name]), st.lists(row(TYPES[name]), min_size=1, max_size=8))
    )


def as_json(rows) -> bytes:
    return json.dumps(rows, default=lambda t: t.isoformat()).encode()


def message(type_, value: bytes, content_type: str = "application/json", **headers: str) -> Message:
    found = {"ce_type": type_.ce_type, "content-type": content_type, **headers}
    return Message(type_.topic, "id", 0, 0, NOW, found, value)
