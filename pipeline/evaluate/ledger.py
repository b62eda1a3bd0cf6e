"""Predictions and labels of a ledger, evaluated as those of a file: without features, by version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from detectors.parameters import Parameters
from detectors.references import Reference
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.evaluate import steps, stored
from pipeline.evaluate.chunks import chunks
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.evaluate import Baseline, Evaluated, evaluate
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
NO_FEATURES = "a ledger keeps no features by prediction: `driftledger drift` says how far their bins are"


def run(
    store: Store, model: str, window: Window, chunk: str, parameters: Parameters, reference: Reference | None
) -> tuple[list[Evaluated], tuple[str, ...]]:
    """Every chunk of the model's predictions in the window, all versions and each.

    `reference` None is the one in use.  Raises NotFound where there is none, or no prediction with an id.
    """
    with store.steady():
        against = reference or store.references().get(model)
        table = store.query("prediction_outcomes", model=model, start=window.start, end=window.end)
    if against is None:
        raise NotFound(f"no reference of model {model!r}; `driftledger reference create` makes one")
    if not table.num_rows:
        raise NotFound(f"no prediction of model {model!r} with an id in {window}")
    columns = COLUMNS if against.positive_class is not None else _without_score(COLUMNS)
    some = sample(table, columns, {}, Path("the ledger"), regression=False)
    problem = stored.problem(against, columns)
    baseline = Baseline(stored.fit(against, columns, problem), None, against)
    found = list(evaluate(baseline, some, columns, chunks(some, chunk), parameters))
    compared = f"compared with {against.reference}"
    return found, (compared, NO_FEATURES, *note(some), steps.note(steps.are_minutes(some), parameters))


def _without_score(columns: Columns) -> Columns:
    """A model of several classes keeps no score of each."""
    return replace(columns, score="")
