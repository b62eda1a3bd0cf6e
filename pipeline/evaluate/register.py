"""A reference of a file of predictions: what `driftledger reference create --data` registers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from detectors.minutes import MINUTE
from detectors.reference_build import build
from detectors.references import Reference
from pipeline.evaluate import columns as declared
from pipeline.evaluate import files, labels, steps
from pipeline.evaluate.problem import is_regression, problem
from pipeline.evaluate.sample import Sample, kinds, sample
from pipeline.evaluate.verdicts import events


class Registered(NamedTuple):
    """`events` are the rows that the reference rests on, in the order of time; `notes` a reader must know."""

    reference: Reference
    events: pa.Table
    labels: pa.Table | None
    notes: tuple[str, ...]


def reference(
    data: Path,
    label_file: Path | None,
    columns_file: Path,
    *,
    model: str,
    latency_objective_seconds: float | None = None,
    latency_budget: float = 0.01,
) -> Registered:
    columns = declared.read(columns_file)
    table = files.read(data, "--data")
    notes: tuple[str, ...] = ()
    if label_file is not None:
        table, notes = labels.join(table, files.read(label_file, "--labels"), columns, label_file)
    if columns.label and columns.label not in table.column_names:
        notes += (f"{data.name} has no column {columns.label}: the reference knows no labels",)
    some = sample(table, columns, kinds(table, columns, data), data, regression=is_regression(table, columns))
    rows = _events(some)
    told = _labels(some)
    built = build(
        rows,
        told,
        model=model,
        positive_class=problem(some, columns, data).positive,
        latency_objective_seconds=latency_objective_seconds,
        latency_budget=latency_budget,
        clock=some.times is not None,
    )
    return Registered(built, rows, told, (*some.notes, *notes))


def _events(some: Sample) -> pa.Table:
    """The rows as events of their own times; without times blocks are minutes, by which counts spread."""
    table = events(some, steps.steps(some, minutes=False))
    times = some.times if some.times is not None else steps.steps(some, minutes=False) * MINUTE
    table = table.set_column(0, "time", pa.array(times, pa.timestamp("us", "UTC")))
    table = table.append_column("prediction_id", _ids(some))
    if some.prediction is not None:
        table = table.append_column("prediction", some.prediction.take(np.arange(some.rows)))
    if some.scores is not None:
        name = "score" if some.scores.shape[1] == 1 else "confidence"
        scores = pa.array(some.scores.max(axis=1), from_pandas=True)
        table = table.set_column(table.column_names.index(name), name, scores)
    return table


def _labels(some: Sample) -> pa.Table | None:
    if some.actual is not None:
        return pa.table({"prediction_id": _ids(some), "value": pa.array(some.actual, from_pandas=True)})
    if some.label is None:
        return None
    return pa.table({"prediction_id": _ids(some), "label": some.label.take(np.arange(some.rows))})


def _ids(some: Sample) -> pa.Array:
    return pa.array(range(some.rows)).cast(pa.string())
