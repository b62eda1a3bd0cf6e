"""Drift of all features together: rows of a sample against rows of the reference, by two methods.

The reconstruction error sees that features no longer move together as they did, the domain classifier
anything that trees can tell.  How far the error may be is the reference's own spread: NannyML's convention of
three standard deviations of the means of ten parts in the order of time, here with axes fitted on the other
nine.  Of fewer rows than a part has the mean spreads more, by chance alone: the larger of the two counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.binning import Values
from detectors.codes import Integers, Text
from detectors.domain_classifier import DomainClassifier
from detectors.encoding import Encoding
from detectors.ranking import Area
from detectors.reconstruction import Reconstruction

PARTS = 10
DEVIATIONS = 3.0
ROUNDING = 1e-9
"""An error of rows that lie in the plane of the axes, which differs by rounding only."""

Features = Mapping[str, Values]


class Joint(NamedTuple):
    """`low` and `high` are how far the error is by chance or as a part of the reference is."""

    error: float
    expected: float
    low: float
    high: float
    area: Area


@dataclass(frozen=True)
class JointReference:
    """Fitted on rows of a reference in the order of time, of two features at least."""

    reconstruction: Reconstruction
    domain: DomainClassifier
    rows: int
    expected: float
    """Mean error of rows that the axes were not fitted on."""
    spread_of_rows: float
    spread_of_parts: float

    @classmethod
    def of(cls, features: Features) -> JointReference:
        encoding = Encoding.of(features)
        rows = np.arange(_size(features))
        parts = []
        for part in np.array_split(rows, PARTS):
            axes = Reconstruction.of(_at(features, np.delete(rows, part)), encoding)
            parts.append(axes.errors(_at(features, part)))
        errors = np.concatenate(parts)
        return cls(
            Reconstruction.of(features, encoding),
            DomainClassifier.of(features, encoding),
            len(rows),
            float(errors.mean()),
            float(errors.std()),
            float(np.std([part.mean() for part in parts])),
        )

    def compared(self, features: Features) -> Joint:
        error = float(self.reconstruction.errors(features).mean())
        by_chance = self.spread_of_rows * float(np.sqrt(1 / _size(features) + 1 / self.rows))
        reach = DEVIATIONS * max(self.spread_of_parts, by_chance) + ROUNDING
        area = self.domain.area(features)
        return Joint(error, self.expected, max(0.0, self.expected - reach), self.expected + reach, area)


def _size(features: Features) -> int:
    first = next(iter(features.values()))
    return len(first.codes) if isinstance(first, Text) else len(first)


def _at(features: Features, rows: Integers) -> Features:
    return {name: v.at(rows) if isinstance(v, Text) else v[rows] for name, v in features.items()}
