"""A table in our own form reduced by the rules of its models, before anything else is done with it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from collectors.live.inference.rules import Rule, Rules
from collectors.live.inference.tables import struct, united, whole
from pipeline.events import EventType


def reduced(type_: EventType, table: pa.Table, rules: Rules) -> pa.Table:
    """A table in our own form, whose features nobody has reduced yet."""
    if not rules.by_model:
        return table
    models = table.column("model").cast(pa.string())
    parts = []
    for model in pc.unique(models).to_pylist():
        rule = rules.of(model)
        parts.append(_by(type_, table.filter(pc.equal(models, model)), rule))
    return united(parts)


def _by(type_: EventType, table: pa.Table, rule: Rule) -> pa.Table:
    for column in type_.columns:
        at = table.column_names.index(column.name)
        if column.name in rule.hidden:
            table = table.set_column(at, column.name, pa.nulls(table.num_rows, column.type))
        elif column.kind == "features":
            table = table.set_column(at, column.name, _features(table.column(at), rule))
        elif column.name == "model" and rule.model:
            table = table.set_column(at, column.name, pa.array([rule.model] * table.num_rows))
        elif column.name == "model_version" and rule.version:
            given = table.column(at).cast(pa.string())
            known = pc.if_else(pc.equal(given, "unknown"), rule.version, given)
            table = table.set_column(at, column.name, known)
    return table


def _features(column: pa.ChunkedArray, rule: Rule) -> pa.Array:
    sent = whole(column)
    kept = {new: sent.field(f.name) for f in sent.type if (new := rule.feature(f.name)) is not None}
    return struct(kept, len(sent))
