"""What the data is compared with where the reference is a registered one: its bins, curve and error rate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detectors import binning
from detectors.bin_distances import Compared, bin_distances
from detectors.binning import Values
from detectors.cbpe import Calibration
from detectors.loss_bins import of_reference
from detectors.references import FeatureBins, Reference
from pipeline.errors import ConfigError
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.fitted import Fitted
from pipeline.evaluate.problem import Problem


@dataclass(frozen=True)
class Binned:
    """A column's distribution of which only the bins are known."""

    bins: FeatureBins

    def distances(self, values: Values) -> dict[str, float]:
        """Every distance by its name; empty where reference or data have no value."""
        return bin_distances([Compared(self.bins, self._counts(values))])[0]

    def unseen(self, values: Values) -> int:
        """Rows with a category that the reference does not know."""
        return int(self._counts(values)[-1])

    def _counts(self, values: Values) -> np.ndarray:
        size = binning.bin_count(self.bins) + 2
        return np.bincount(binning.assign(self.bins, values), minlength=size)

    @property
    def missing(self) -> float:
        """Share of the reference's rows."""
        return self._share(self.bins.missing)

    @property
    def folded(self) -> float:
        """Share of the reference's rows with a category beyond those that it keeps."""
        return self._share(self.bins.unseen)

    def _share(self, rows: int) -> float:
        total = sum(self.bins.counts) + self.bins.missing + self.bins.unseen
        return rows / total if total else 0.0


def kinds(reference: Reference) -> dict[str, bool]:
    """Every feature, and whether it is numeric."""
    return {bins.feature: bins.categories is None for bins in reference.features}


def problem(reference: Reference, columns: Columns) -> Problem:
    """As the reference was registered; raises ConfigError where the columns say otherwise."""
    if columns.problem == "regression" or reference.loss_limit is not None:
        return Problem("regression")
    if reference.positive_class is not None:
        if columns.positive_class not in ("", reference.positive_class):
            remedy = f"the reference was registered with {reference.positive_class}"
            raise ConfigError("positive_class", columns.positive_class, remedy)
        return Problem("binary", (reference.positive_class,))
    if columns.score:
        remedy = "the reference has no positive class; register one with --positive-class, or use scores"
        raise ConfigError("score", columns.score, remedy)
    names = tuple(name for name, _ in columns.scores) or reference.classes
    return Problem("multiclass", names) if names else Problem("")


def judged(reference: Reference, of: Problem) -> tuple[Reference, float]:
    """What the judges compare with, and the loss of a regression from which on a row is wrong.

    Errors of a reference that knows no such loss are of something else: accuracy then has no reference.
    """
    if of.kind != "regression":
        return reference, 1.0
    if reference.loss_limit is None:
        return replace(reference, labelled=0, errors=0), np.inf
    return reference, reference.loss_limit


def nothing(of: Problem) -> Fitted:
    """Of a model without a reference: labels are compared with answers, and nothing else."""
    empty = np.zeros(0, np.float64)
    return Fitted(of, {}, {}, None, empty, {}, 0.0, None, None)


def fit(reference: Reference, columns: Columns, of: Problem) -> Fitted:
    """Estimates need one score: of several classes a reference keeps no curves."""
    bins = {feature.feature: Binned(feature) for feature in reference.features}
    scored = columns.prediction if reference.losses else columns.score
    if scored and reference.score_counts:
        edges, counts = reference.score_edges, reference.score_counts
        bins[scored] = Binned(FeatureBins(scored, edges, None, counts, 0, 0, 1.0))
    curve = (reference.calibrator_x, reference.calibrator_y)
    return replace(
        nothing(of),
        distributions=dict(bins),
        missing={name: binned.missing for name, binned in bins.items()},
        calibration=Calibration((curve,)) if of.kind == "binary" else None,
        strata=np.asarray(reference.score_edges, np.float64),
        losses=of_reference(reference),
        largest_loss=reference.losses.largest if reference.losses else 0.0,
    )
