"""Drift of all features together: can trees tell rows of the data from rows of the reference?

The area under the ROC curve of what they say of rows that they were not fitted on: 0.5 is no difference.  It
rests on a kept sample of either side, rows at equal distances, so it costs the same for any file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from detectors.binning import Values
from detectors.codes import Integers
from detectors.encoding import Encoding
from detectors.minutes import Floats
from detectors.ranking import Area, area

SAMPLE = 1_000
"""Rows that are kept of either side."""
FEWEST = 100
TREES = 50
"""Each is fitted on rows drawn at random; those that it has not drawn are what it is asked about."""
LEAF = 5
"""Fewest rows of a leaf."""
SEED = 0
ALARM = 0.65
"""Area from which the two differ much: NannyML's threshold."""


def kept(rows: int, most: int = SAMPLE) -> Integers:
    """The rows of a sample, at equal distances."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


@dataclass(frozen=True)
class DomainClassifier:
    """The reference's kept rows."""

    encoding: Encoding
    rows: Floats

    @classmethod
    def of(cls, features: Mapping[str, Values], encoding: Encoding) -> DomainClassifier:
        every = encoding.ordinal(features)
        return cls(encoding, every[kept(len(every))])

    def area(self, features: Mapping[str, Values]) -> Area:
        """Of rows of the data against the reference's; NaN with fewer than FEWEST of either."""
        every = self.encoding.ordinal(features)
        mine = every[kept(len(every))] if len(every) else every
        if min(len(mine), len(self.rows)) < FEWEST:
            return Area(np.nan, np.nan)
        is_data = np.repeat([0, 1], [len(self.rows), len(mine)])
        trees = RandomForestClassifier(TREES, min_samples_leaf=LEAF, oob_score=True, random_state=SEED)
        trees.fit(np.concatenate([self.rows, mine]), is_data)
        said = np.asarray(trees.oob_decision_function_[:, 1], np.float64)
        return area(said, is_data.astype(np.float64), known=True)
