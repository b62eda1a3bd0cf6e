"""The file through the fold and the judges that a stream goes through: evidence by the end of each chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from detectors import accuracy, drift, feature_bins
from detectors.binning import Values
from detectors.codes import Integers, Text
from detectors.dispersion import phi
from detectors.finding import Finding
from detectors.minutes import MINUTE
from detectors.parameters import Parameters
from detectors.reference_build import LOSS_QUANTILE, build
from detectors.references import Reference
from detectors.subject import Subject
from pipeline.evaluate.few_labels import Outcomes
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample
from pipeline.evaluate.steps import time
from pipeline.facts.models import FEATURE_BINS

MODEL = "model"


def reference(
    sample: Sample, found: Outcomes | None, steps: Integers, minutes: bool
) -> tuple[Reference, float]:
    """What the judges compare with, and the outcome from which on a row is wrong.

    `minutes` is whether steps are minutes, and no blocks.
    """
    built = build(events(sample, steps), model=MODEL, clock=minutes)
    limit = 1.0
    if found is None or not np.isfinite(found.happened).any():
        return built, limit
    if found.metric == "mae":
        limit = float(np.quantile(found.happened[np.isfinite(found.happened)], LOSS_QUANTILE))
    counts = error_steps(found, limit, steps)
    labelled, wrong = counts["count"], counts["errors"]
    spread = phi(np.stack([wrong, labelled - wrong], axis=1))
    return replace(
        built, labelled=int(labelled.sum()), errors=int(wrong.sum()), phi_errors=spread
    ).identified(), limit


def events(sample: Sample, steps: Integers) -> pa.Table:
    """The rows as events of one model: what the fold takes."""
    columns = {name: _column(values) for name, values in sample.features.items()}
    features = pa.array([{}] * sample.rows, pa.struct([]))
    if columns:
        features = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
    same = pa.repeat(pa.scalar(MODEL), sample.rows)
    times = pa.array(steps * MINUTE, pa.timestamp("us", "UTC"))
    unknown = pa.nulls(sample.rows, pa.float64())
    named = {"time": times, "model": same, "model_version": same, "features": features}
    says = unknown if sample.predicted is None else pa.array(sample.predicted, from_pandas=True)
    return pa.table({**named, "score": unknown, "confidence": unknown, "predicted_value": says})


def _column(values: Values) -> pa.Array:
    if isinstance(values, Text):
        return values.take(np.arange(len(values.codes)))
    return pa.array(values, from_pandas=True)


def error_steps(found: Outcomes, limit: float, steps: Integers) -> Mapping[str, Integers]:
    """Predictions, labelled ones and wrong ones of each step, in its order."""
    names, codes = np.unique(steps, return_inverse=True)
    labelled = np.isfinite(found.happened)
    wrong = found.happened > limit if found.metric == "mae" else found.happened == 0.0
    counts = {"predictions": np.ones(len(codes), np.bool_), "count": labelled, "errors": labelled & wrong}
    found_counts = {n: np.bincount(codes, m, len(names)).astype(np.int64) for n, m in counts.items()}
    return {"step": names, **found_counts}


class Judged:
    """The facts of the whole file, judged as they stood at the end of a step."""

    def __init__(
        self,
        sample: Sample,
        found: Outcomes | None,
        steps: Integers,
        known: tuple[Reference, float],
        parameters: Parameters,
    ) -> None:
        self._reference, limit = known
        self._has_features = bool(sample.features)
        self._parameters = parameters
        folded = feature_bins.fold(events(sample, steps), {MODEL: self._reference})
        self._bins = folded[FEATURE_BINS.name].sort_by("minute")
        self._errors = None if found is None else _errors(error_steps(found, limit, steps))

    def until(self, step: int, first: int) -> Iterator[Row]:
        """Verdicts on everything up to a step, `first` being the file's."""
        subject = Subject(MODEL, MODEL, self._reference, time(first), time(step + 1))
        judges = {drift.NAME: (drift.judge, self._bins)} if self._has_features else {}
        if self._errors is not None:
            judges[accuracy.NAME] = (accuracy.judge, self._errors)
        for name, (judge, minutes) in judges.items():
            finding = judge(_before(minutes, step), subject, self._parameters)
            yield _row(name, finding)


def _errors(counts: Mapping[str, Integers]) -> pa.Table:
    columns = {name: values for name, values in counts.items() if name != "step"}
    minutes = pa.array(counts["step"] * MINUTE, pa.timestamp("us"))
    return pa.table({"minute": minutes, **columns})


def _before(minutes: pa.Table, step: int) -> pa.Table:
    """Rows up to and with a step, of a table in their order."""
    at = minutes.column("minute").combine_chunks().cast(pa.int64()).to_numpy()
    return minutes.slice(0, int(np.searchsorted(at, step * MINUTE, side="right")))


def _row(name: str, finding: Finding) -> Row:
    """The evidence in nats between nothing and the bars of warn and act; culprits as the column."""
    judged = finding.level in ("ok", "warn", "act")
    evidence = finding.log_evidence if judged else float("nan")
    culprits = str(finding.evidence.get("culprits", ""))
    return row("verdict", culprits, name, "e_detector", evidence, finding.count, None, finding.level)
