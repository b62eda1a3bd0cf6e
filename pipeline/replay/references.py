"""Predictions and labels of one model out of files of events: what a reference is built from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from collectors.catalogue import File
from pipeline.errors import NotFound
from pipeline.events import TYPES, Decoded, Identity, Message, decode, identity
from pipeline.replay import lines
from pipeline.replay.files import Passed
from pipeline.wire.features import struct


@dataclass(slots=True)
class Gathered:
    """Good rows of the model, and what became of the rest."""

    model: str
    parts: dict[str, list[pa.Table]] = field(default_factory=lambda: {"inference": [], "label": []})
    others: Counter[str] = field(default_factory=Counter)
    """Predictions of other models, by model."""
    refused: Counter[str] = field(default_factory=Counter)
    """Lines and rows that could not be taken, by reason."""
    seen: set[Identity] = field(default_factory=set)
    """Messages so far: one that a producer sent twice counts once."""

    @property
    def inference(self) -> pa.Table:
        return _joined(self.parts["inference"], TYPES["inference"].schema)

    @property
    def labels(self) -> pa.Table:
        return _joined(self.parts["label"], TYPES["label"].schema)


def gather(files: Iterable[File | Passed], model: str, now: datetime) -> Gathered:
    """Rows of `inference` and `label` events of the model; `now` (UTC, naive) is when they are read.

    Raises NotFound where no prediction is the model's.
    """
    found = Gathered(model)
    time = int(now.replace(tzinfo=UTC).timestamp()) * 1_000_000
    for file in files:
        if isinstance(file, Passed):
            found.refused.update(r.reason for r in file.parsed.rejected)
            continue
        for line in lines.messages(file, time):
            if isinstance(line, Message):
                _take(found, line)
            else:
                found.refused[line.reason] += 1
    if not found.parts["inference"]:
        raise NotFound(f"no prediction of model {model!r} in these files; {_instead(found)}")
    return found


def _take(found: Gathered, message: Message) -> None:
    known = identity(message)
    if known is not None and known in found.seen:
        return
    if known is not None:
        found.seen.add(known)
    decoded = decode(message)
    found.refused.update(r.reason for r in decoded.rejected)
    if decoded.type is not None and decoded.type.name in found.parts:
        _keep(found, decoded, decoded.type.name)


def _keep(found: Gathered, decoded: Decoded, name: str) -> None:
    mine = decoded.events.filter(pc.field("model") == found.model)
    if mine.num_rows:
        found.parts[name].append(mine)
    if name == "inference" and mine.num_rows < decoded.events.num_rows:
        found.others.update(decoded.events.column("model").to_pylist())
        del found.others[found.model]


def _instead(found: Gathered) -> str:
    if found.others:
        return f"they hold predictions of {', '.join(sorted(found.others)[:10])}"
    if found.refused:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(found.refused.items()))
        return f"refused were: {reasons}"
    return "they hold no inference events at all; docs/events.md shows one"


def _joined(parts: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """One table; where lines have different features, each row lacks those that it does not name."""
    if not parts:
        return schema.empty_table()
    shapes = {part.schema for part in parts}
    if len(shapes) == 1:
        return pa.concat_tables(parts)
    rows = [row for part in parts for row in part.column("features").to_pylist()]
    rest = pa.concat_tables([part.drop_columns(["features"]) for part in parts])
    features = pa.chunked_array([struct(rows)])
    return rest.append_column("features", features).select(parts[0].column_names)
