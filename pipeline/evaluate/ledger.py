"""Predictions and labels of a ledger, evaluated as those of a file: without features, by version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from detectors.parameters import Parameters
from detectors.references import Reference
from pipeline.answers.window import Window
from pipeline.errors import ConfigError, NotFound
from pipeline.evaluate import steps, stored
from pipeline.evaluate.chunks import chunks
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.evaluate import Baseline, Evaluated, evaluate
from pipeline.evaluate.problem import Problem
from pipeline.evaluate.sample import sample
from pipeline.evaluate.segments import note
from pipeline.store import Store

COLUMNS = Columns(
    timestamp="time",
    prediction="prediction",
    score="score",
    label="label",
    label_time="label_time",
    segments=("model_version",),
)
REGRESSION = replace(
    COLUMNS, prediction="predicted_value", score="", label="label_value", problem="regression"
)
UNJUDGED = "{segment} has no verdict here: `driftledger judge` gives one over all segments together"
NO_REFERENCE = "no reference is registered: errors are told, and nothing is judged"
NO_FEATURES = "a ledger keeps no features by prediction: `driftledger drift` says how far their bins are"


def run(
    store: Store,
    model: str,
    window: Window,
    chunk: str,
    parameters: Parameters,
    reference: Reference | None,
    values: tuple[tuple[str, float], ...] = (),
) -> tuple[list[Evaluated], tuple[str, ...]]:
    """Every chunk of the model's predictions in the window, all versions and each.

    `reference` None is the one in use; `values` are what answers are worth.  Raises NotFound without a
    reference, or a prediction with an id; the errors of a regression are told without a reference.
    """
    with store.steady():
        against = reference or store.references().get(model)
        table = store.query("prediction_outcomes", model=model, start=window.start, end=window.end)
    columns = _columns(table, against)
    regression = columns is REGRESSION
    if against is None and not regression:
        raise NotFound(f"no reference of model {model!r}; `driftledger reference create` makes one")
    if not table.num_rows:
        raise NotFound(f"no prediction of model {model!r} with an id in {window}")
    if values and (against is None or against.positive_class is None):
        raise ConfigError(
            "--values", model, "only answers of two classes, with a positive one, have these cells"
        )
    table, segments = _segmented(table, against)
    columns = replace(columns, values=values, segments=segments)
    some = sample(table, columns, {}, Path("the ledger"), regression=regression)
    if against is None:
        baseline = Baseline(stored.nothing(Problem("regression")), None, None)
    else:
        fitted = stored.fit(against, columns, stored.problem(against, columns))
        baseline = Baseline(fitted, None, against, COLUMNS.segments)
    found = list(evaluate(baseline, some, columns, chunks(some, chunk), parameters))
    compared = f"compared with {against.reference}" if against else NO_REFERENCE
    alone = (UNJUDGED.format(segment=segments[-1]),) if len(segments) > 1 else ()
    return found, (
        compared,
        NO_FEATURES,
        *alone,
        *note(some),
        steps.note(steps.are_minutes(some), parameters),
    )


def _segmented(table: pa.Table, against: Reference | None) -> tuple[pa.Table, tuple[str, ...]]:
    """The table with the segment under its feature's name, and the columns that part it."""
    if against is None or against.segment is None or not any(table.column("segment").to_pylist()):
        return table, COLUMNS.segments
    name = against.segment if against.segment not in table.column_names else "segment"
    names = [name if column == "segment" else column for column in table.column_names]
    return table.rename_columns(names), (*COLUMNS.segments, name)


def _columns(table: pa.Table, against: Reference | None) -> Columns:
    """Roles of the ledger's columns; a model of several classes keeps no score of each."""
    said = table.column("prediction").to_pylist()
    if table.column("predicted_value").null_count < table.num_rows and not any(said):
        return REGRESSION
    return COLUMNS if against and against.positive_class is not None else replace(COLUMNS, score="")
