"""Fold of inference events into histograms of features and scores over the bins of the model's reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors import binning, minutes
from detectors.by_model import referenced
from detectors.codes import Integers, Rows, Text
from detectors.ranks import Ranks
from detectors.references import Reference
from pipeline.facts.models import FEATURE_BINS, SCORE_BINS

VERSION = ("model", "model_version")


def fold(
    events: pa.Table, references: Mapping[str, Reference], keys: minutes.Keys | None = None
) -> dict[str, pa.Table]:
    """`inference` events as `feature_bins` and `score_bins`; a model without a reference gives no rows.

    Each event counts once per feature of the reference, features that it lacks as missing; an event without
    a score counts in no score bin.  `keys` are those of the events by VERSION, where the caller has them.
    """
    keys = keys or minutes.keys(events, VERSION)
    models = [_Model(of, rows, keys.at(rows)) for of, rows in referenced(keys.columns["model"], references)]
    sent = events.column("features")
    for field, column in zip(sent.type, sent.flatten(), strict=True):
        concerned = [model for model in models if field.name in model.features]
        if concerned:  # one column at a time: they are large
            values = binning.narrow(column)
            for model in concerned:
                model.count(field.name, values)
    scores = [m.score_bins(events) for m in models if m.reference.score_counts]
    return {
        FEATURE_BINS.name: _rows([m.feature_bins() for m in models], FEATURE_BINS.schema),
        SCORE_BINS.name: _rows(scores, SCORE_BINS.schema),
    }


def _rows(parts: list[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables(parts) if parts else schema.empty_table()


_Cells: TypeAlias = tuple[Integers, Integers]
"""Where a histogram is not zero, as group x size + code, and the counts there."""

_NO_CELLS = (np.empty(0, np.int64), np.empty(0, np.int64))
_FEW_CELLS = 2**16


class _Model:
    """The rows of one model, gathered by minute and version, and their histograms so far."""

    def __init__(self, reference: Reference, rows: Rows, keys: minutes.Keys) -> None:
        self.reference = reference
        self.features = {bins.feature: bins for bins in reference.features}
        self._rows = rows
        self._keys = keys
        self._groups = keys.group()
        self._histograms: dict[str, _Cells] = {}
        self._size = 0
        self._places: npt.NDArray[np.integer] = self._groups.codes

    def count(self, feature: str, values: binning.Narrow) -> None:
        """Take in a feature's values, those of all models."""
        bins = self.features[feature]
        of_model = values.at(self._rows) if isinstance(values, Text) else values[self._rows]
        codes = binning.assign(bins, of_model)
        self._histograms[feature] = self._cells(codes, binning.bin_count(bins) + 2)

    def feature_bins(self) -> pa.Table:
        """`feature_bins` of the rows; a feature that no event of the batch has is missing in all rows."""
        counts = [binning.bin_count(bins) for bins in self.features.values()]
        histograms = [
            self._histograms.get(name) or self._missing(count)
            for name, count in zip(self.features, counts, strict=True)
        ]
        cells, found = (np.concatenate(parts) for parts in zip(_NO_CELLS, *histograms, strict=True))
        feature = np.repeat(np.arange(len(counts)), [len(cells) for cells, _ in histograms])
        count = np.array(counts, np.int64)[feature]
        group, code = np.divmod(cells, count + 2)
        names = pa.array(list(self.features), pa.string()).take(pa.array(feature))
        columns = {"feature": names, "bin": binning.fact_bins(code, count), "count": found}
        return minutes.rows(FEATURE_BINS, self._key(group) | columns)

    def score_bins(self, events: pa.Table) -> pa.Table:
        """`score_bins` of the rows that have a score."""
        scores = minutes.floats(events.column(self.reference.score_column))[self._rows]
        edges = np.asarray(self.reference.score_edges, np.float64)
        cells, found = self._cells(binning.intervals(edges, scores), len(edges) + 2)
        group, code = np.divmod(cells, len(edges) + 2)
        known = code <= len(edges)
        columns = {"bin": code[known], "count": found[known]}
        return minutes.rows(SCORE_BINS, self._key(group[known]) | columns)

    def _key(self, group: Integers) -> dict[str, minutes.Column]:
        reference = pa.repeat(pa.scalar(self.reference.reference), len(group))
        return {**self._keys.of(self._groups.first[group]), "reference": reference}

    def _missing(self, count: int) -> _Cells:
        return np.arange(len(self._groups)) * (count + 2) + count, self._groups.count()

    def _cells(self, codes: Ranks, size: int) -> _Cells:
        """Counts of group and code, where codes are 0 to size - 1."""
        cells = len(self._groups) * size
        if size != self._size:  # most features have as many bins as the one before
            narrow = np.uint16 if cells <= _FEW_CELLS else np.int64
            self._size, self._places = size, (self._groups.codes * size).astype(narrow)
        counts = np.bincount(self._places + codes, minlength=cells)
        occurring = np.flatnonzero(counts)
        return occurring, counts[occurring]
