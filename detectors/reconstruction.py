"""Drift of all features together: how far rows are from the plane of the reference's principal axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from detectors.binning import Values
from detectors.encoding import Encoding
from detectors.minutes import Floats

EXPLAINED = 0.65
"""Share of the variance that the axes keep; NannyML's default, as the encoding by frequencies is."""
SEED = 16


@dataclass(frozen=True)
class Reconstruction:
    """Fitted on a reference of two features at least."""

    encoding: Encoding
    scaler: Any
    axes: Any

    @classmethod
    def of(cls, features: Mapping[str, Values], encoding: Encoding) -> Reconstruction:
        rows = encoding.frequencies(features)
        scaler = StandardScaler().fit(rows)
        with np.errstate(invalid="ignore"):  # shares of no variance at all, where every feature is constant
            return cls(encoding, scaler, PCA(EXPLAINED, random_state=SEED).fit(scaler.transform(rows)))

    def errors(self, features: Mapping[str, Values]) -> Floats:
        """Distance of each row from its reconstruction, (n,), in standard deviations of the features."""
        rows = self.scaler.transform(self.encoding.frequencies(features))
        back = self.axes.inverse_transform(self.axes.transform(rows))
        return np.asarray(np.linalg.norm(rows - back, axis=1))
