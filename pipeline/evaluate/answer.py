"""An evaluation as an answer: every number for programs, a line a chunk for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.answers.answer import Answer, Column, Value
from pipeline.evaluate.evaluate import Evaluated
from pipeline.evaluate.row import Row

_CHUNK = (
    Column("chunk", kind="integer"),
    Column("first_row", kind="integer"),
    Column("rows", kind="integer"),
    Column("start", kind="time"),
    Column("end", kind="time", wide=True),
    Column("segment"),
)
EVERY = (
    *_CHUNK,
    Column("kind"),
    Column("column"),
    Column("metric"),
    Column("method"),
    Column("value", kind="number"),
    Column("low", kind="number"),
    Column("high", kind="number"),
    Column("count", kind="integer"),
    Column("level"),
)
METHODS = ("realized", "estimated", "prediction_powered", "post_stratified")
VERDICTS = ("accuracy", "estimate_audit", "drift", "canary")


def every(found: Sequence[Evaluated], now: datetime | None, notes: tuple[str, ...]) -> Answer:
    """One row a number."""
    rows = tuple((*_chunk(of), *number) for of in found for number in of.rows)
    return Answer(EVERY, rows, now, None, notes)


def short(found: Sequence[Evaluated], now: datetime | None, notes: tuple[str, ...]) -> Answer:
    """One row a chunk: how right, by which means; what drifted most, and the verdicts."""
    regression = any(number.metric == "mae" for of in found for number in of.rows)
    metric, more = ("mae", "rmse") if regression else ("accuracy", "roc_auc")
    names = [f"{metric}_{method}" for method in METHODS] + [f"{more}_{method}" for method in METHODS[:2]]
    parts = any(of.segment for of in found)
    judged = {number.metric for of in found for number in of.rows if number.kind == "verdict"}
    columns = (
        *(replace(c, wide=not parts) if c.name == "segment" else c for c in _CHUNK),
        Column("label_coverage", kind="ratio"),
        *(Column(name, kind="number", wide="post" in name) for name in names),
        Column("psi", kind="number"),
        Column("most_drifted"),
        *(Column(f"{name}_level", wide=name not in judged) for name in VERDICTS),
    )
    return Answer(columns, tuple(_short(of, metric, more) for of in found), now, None, notes)


def _chunk(of: Evaluated) -> tuple[Value, ...]:
    chunk = of.chunk
    return chunk.number, chunk.first, of.size, chunk.start, chunk.end, of.segment or None


def _short(of: Evaluated, metric: str, more: str) -> tuple[Value, ...]:
    held = {(n.kind, n.metric, n.method): n for n in of.rows if not n.column or n.kind == "verdict"}
    drifted = max((n for n in of.rows if n.metric == "psi"), key=lambda n: n.value or 0.0, default=None)
    levels = {n.metric: n.level for n in of.rows if n.kind == "verdict"}
    return (
        *_chunk(of),
        _value(held.get(("quality", "label_coverage", "rows"))),
        *(_value(held.get(("accuracy", metric, method))) for method in METHODS),
        *(_value(held.get(("accuracy", more, method))) for method in METHODS[:2]),
        _value(drifted),
        drifted.column if drifted else None,
        *(levels.get(name) for name in VERDICTS),
    )


def _value(of: Row | None) -> float | None:
    return of.value if of else None
