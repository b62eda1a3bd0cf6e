"""The part of the traffic that a prediction is of: the category of one declared feature, of a bounded set.

A reference names the feature.  Its 19 most frequent categories there are segments of their own, all others
are one: no producer can make more than twenty.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from detectors import binning
from detectors.by_model import referenced
from detectors.codes import Text, text
from detectors.references import FeatureBins, Reference

MOST = 19
OTHER = "(other)"
MISSING = ""


def declared(reference: Reference) -> FeatureBins | None:
    """The feature by whose categories the model is looked at; None where none is named."""
    return next((bins for bins in reference.features if bins.feature == reference.segment), None)


def segments(events: pa.Table, references: Mapping[str, Reference]) -> pa.ChunkedArray:
    """The segment of each event, '' where its model has none or the value is missing."""
    named = {model: bins for model, r in references.items() if (bins := declared(r)) is not None}
    if not named:
        return pa.chunked_array([pa.repeat(MISSING, events.num_rows)])
    sent = events.column("features")
    columns = dict(zip((field.name for field in sent.type), sent.flatten(), strict=True))
    found = np.full(events.num_rows, MISSING, np.object_)
    for reference, rows in referenced(text(events.column("model")), references):
        bins = named.get(reference.model)
        if bins is not None and bins.feature in columns:
            values = binning.values(columns[bins.feature])
            part = values.at(rows) if isinstance(values, Text) else values[rows]
            found[rows] = names(bins)[binning.assign(bins, part)]
    return pa.chunked_array([pa.array(found, pa.string())])


def of_column(bins: FeatureBins, column: pa.ChunkedArray) -> np.ndarray:
    """The segment of each value of the feature, '' where it is missing; shape (n,)."""
    return np.asarray(names(bins)[binning.assign(bins, binning.values(column))])


def names(bins: FeatureBins) -> np.ndarray:
    """The segment of each of the feature's codes: its categories, then missing, then unseen."""
    categories = bins.categories or ()
    often = sorted(zip(categories, bins.counts, strict=True), key=lambda of: (-of[1], of[0]))
    kept = {name for name, _ in often[:MOST]}
    shown = [name if name in kept else OTHER for name in categories]
    return np.array([*shown, MISSING, OTHER], np.object_)
