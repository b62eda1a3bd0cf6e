"""Fold of inference events: how fast, on what, and with what answers models were asked, minute by minute.

What the parts group by is the same, and made out once: it was a sixth of their work.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors import feature_bins, feature_samples, latency, minutes, predictions
from detectors.references import Reference


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """Partial rows by fact name."""
    keys = minutes.keys(events, latency.SERVER)
    return {
        **latency.fold(events, references, keys),
        **feature_bins.fold(events, references, keys.only(feature_bins.VERSION)),
        **feature_samples.fold(events, references),
        **predictions.fold(events, references, keys),
    }
