"""Features as a matrix for methods that want numbers: categories by rank or by how frequent they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.binning import Values
from detectors.codes import Text
from detectors.minutes import Floats
from detectors.sample_distances import tally


@dataclass(frozen=True)
class Encoding:
    """Learnt from a reference; a feature in the order of its `names`."""

    ranks: Mapping[str, Mapping[str, float]]
    """Of each category, the most frequent first from 0; without numeric features."""
    shares: Mapping[str, Mapping[str, float]]
    """Of each category the share of all rows, where a missing value counts as the most frequent one."""
    means: Mapping[str, float]
    """Of each numeric feature."""

    @classmethod
    def of(cls, features: Mapping[str, Values]) -> Encoding:
        ranks, shares, means = {}, {}, {}
        for name, values in features.items():
            if isinstance(values, Text):
                counts = tally(values)
                order = sorted(counts, key=lambda text: (-counts[text], text))
                ranks[name] = {text: float(i) for i, text in enumerate(order)}
                absent = len(values.codes) - sum(counts.values())
                filled = {**counts, order[0]: counts[order[0]] + absent} if order else {}
                shares[name] = {text: count / len(values.codes) for text, count in filled.items()}
            else:
                known = values[np.isfinite(values)]
                means[name] = float(known.mean()) if len(known) else 0.0
        return cls(ranks, shares, means)

    def ordinal(self, features: Mapping[str, Values]) -> Floats:
        """(n, F) with NaN for what is missing or was never seen."""
        columns = [
            _coded(values, self.ranks[name], np.nan, np.nan) if isinstance(values, Text) else values
            for name, values in features.items()
        ]
        return np.stack(columns, axis=1)

    def frequencies(self, features: Mapping[str, Values]) -> Floats:
        """(n, F) without gaps: a missing number is the mean, a missing category the most frequent one."""
        columns = []
        for name, values in features.items():
            if isinstance(values, Text):
                columns.append(self._shares(name, values))
            else:
                columns.append(np.where(np.isfinite(values), values, self.means[name]))
        return np.stack(columns, axis=1)

    def _shares(self, name: str, values: Text) -> Floats:
        shares = self.shares[name]
        usual = shares[next(iter(self.ranks[name]))] if shares else 0.0
        return _coded(values, shares, usual, 0.0)


def _coded(values: Text, numbers: Mapping[str, float], missing: float, unseen: float) -> Floats:
    found = [numbers.get(text, unseen) if text else missing for text in values.values.to_pylist()]
    return np.array(found, np.float64)[values.codes]
