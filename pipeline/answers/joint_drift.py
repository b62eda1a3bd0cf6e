"""Whether all features of each model version together are as in its reference, by rows that are kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.confusion import around
from detectors.domain_classifier import ALARM
from detectors.feature_samples import FEWEST, features
from detectors.joint_drift import Joint, JointReference
from detectors.references import Reference
from pipeline.answers import joint_rows, lost_requests
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.elsewhere import elsewhere
from pipeline.answers.window import Window
from pipeline.store import Store

COLUMNS = (
    Column("model"),
    Column("model_version"),
    Column("reconstruction_level"),
    Column("classifier_level"),
    Column("events", kind="integer"),
    Column("rows", kind="integer"),
    Column("reference_rows", kind="integer"),
    Column("reconstruction_error", kind="number"),
    Column("expected_error", kind="number", wide=True),
    Column("expected_error_low", kind="number"),
    Column("expected_error_high", kind="number"),
    Column("domain_classifier_auc", kind="number"),
    Column("auc_low", kind="number"),
    Column("auc_high", kind="number"),
    Column("reference"),
)
_FIRST = next(n for n, column in enumerate(COLUMNS) if column.name == "reconstruction_error")
_FIGURES = len(COLUMNS) - 1 - _FIRST

LEVELS = (
    "reconstruction_level is warn where the error leaves expected_error_low to expected_error_high: three "
    "standard deviations of ten parts of the reference's own rows, or of so many rows by chance, whichever "
    f"is more; classifier_level is warn from an area of {ALARM:g}, where 0.5 is no difference. Both are "
    "habits of the trade, of which nobody says how often they are wrong over time; auc_low to auc_high is "
    "the 95 % interval of the area"
)
SAMPLE = (
    "rows is a uniform sample of the events: of each hour the ledger keeps as many as the reference asks "
    "for, and lets them go after maintenance.sample_days days"
)
FEW = f"not_enough_data: fewer than {FEWEST} rows of the window or of the reference; ask for a longer window"
NO_SAMPLE = (
    "no_sample: the reference keeps no rows; `driftledger reference create MODEL ... --sample 200` makes one "
    "that does, of events from then on"
)
NO_REFERENCE = "no_reference: `driftledger reference create MODEL ... --sample 200` makes one"
_REMEDIES = {"not_enough_data": FEW, "no_sample": NO_SAMPLE, "no_reference": NO_REFERENCE}


def joint_drift(store: Store, window: Window, model: str = "") -> Answer:
    """One row a model version and reference, those that warn first; `model` '' is all models."""
    with store.steady():
        served = store.query("joint_versions", start=window.start, end=window.end, model=model).to_pylist()
        known = _Fitted(store)
        rows = [_row(store, window, known, version) for version in served]
        notes: tuple[str, ...] = (LEVELS, SAMPLE) if rows else (elsewhere(store, "prediction_sums"),)
        notes += lost_requests.notes(store, window)
    states = {str(row[2]) for row in rows}
    notes += tuple(remedy for state, remedy in _REMEDIES.items() if state in states)
    rows.sort(key=lambda row: ("warn" not in row[2:4], row[_FIRST] is None, str(row[0]), str(row[1])))
    as_of = max((version["newest"] for version in served), default=None)
    return Answer(COLUMNS, tuple(rows), as_of, None, notes, window=window)


class _Fitted:
    """What was fitted on the rows of references, once each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fitted: dict[str, tuple[int, JointReference | None]] = {}

    def of(self, reference: Reference) -> tuple[int, JointReference | None]:
        """How many rows it keeps; None where those are fewer than FEWEST."""
        if reference.reference not in self._fitted:
            own = joint_rows.own(self._store, reference.reference)
            made = JointReference.of(features(reference, own)) if len(own) >= FEWEST else None
            self._fitted[reference.reference] = len(own), made
        return self._fitted[reference.reference]


def _row(store: Store, window: Window, known: _Fitted, version: dict[str, Any]) -> tuple[Value, ...]:
    names = version["model"], version["model_version"]
    reference = store.reference(version["reference"]) if version["reference"] else None
    if reference is None or not reference.sample_rows:
        level = "no_sample" if reference else "no_reference"
        return *names, level, level, version["events"], None, None, *[None] * _FIGURES, version["reference"]
    rows = joint_rows.rows(store, window, *names, reference.reference)
    own, fitted = known.of(reference)
    if fitted is None or len(rows) < FEWEST:
        figures: tuple[Value, ...] = ("not_enough_data",) * 2
        measured: tuple[Value, ...] = (None,) * _FIGURES
    else:
        found = fitted.compared(features(reference, [content for _, content in rows]))
        figures, measured = _levels(found), _measured(found)
    return *names, *figures, version["events"], len(rows), own, *measured, reference.reference


def _levels(found: Joint) -> tuple[str, str]:
    moved = not found.low <= found.error <= found.high
    return ("warn" if moved else "ok", "warn" if found.area.value >= ALARM else "ok")


def _measured(found: Joint) -> tuple[Value, ...]:
    spread = around(found.area.value, found.area.deviation)
    area = (found.area.value, spread.low, spread.high) if np.isfinite(found.area.value) else (None,) * 3
    return found.error, found.expected, found.low, found.high, *area
