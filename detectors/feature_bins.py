"""Fold of inference events into histograms of features and scores over the bins of the model's reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from detectors import binning, minutes
from detectors.by_model import referenced
from detectors.codes import Groups, Integers, Rows, Text
from detectors.references import FeatureBins, Reference
from pipeline.facts.models import FEATURE_BINS, MISSING_BIN, SCORE_BINS


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`inference` events as `feature_bins` and `score_bins`; a model without a reference gives no rows.

    Each event counts once per feature of the reference, features that it lacks as missing; an event without
    a score counts in no score bin.
    """
    keys = minutes.keys(events, ("model", "model_version"))
    sent = events.column("features")
    columns = dict(zip((field.name for field in sent.type), sent.flatten(), strict=True))
    values: dict[str, binning.Values] = {}
    features = [FEATURE_BINS.schema.empty_table()]
    scores = [SCORE_BINS.schema.empty_table()]
    for reference, rows in referenced(keys.columns["model"], references):
        for feature in reference.features:
            if feature.feature in columns and feature.feature not in values:
                values[feature.feature] = binning.values(columns[feature.feature])
        batch = _Batch(reference, rows, keys.at(rows))
        features.append(batch.features(values))
        if reference.score_counts:
            scores.append(batch.scores(minutes.floats(events.column(reference.score_column))))
    return {FEATURE_BINS.name: pa.concat_tables(features), SCORE_BINS.name: pa.concat_tables(scores)}


_Cells: TypeAlias = tuple[Integers, Integers, Integers]
"""Group, code and count of what occurs."""


class _Batch:
    """The rows of one model, gathered by minute and version."""

    def __init__(self, reference: Reference, rows: Rows, keys: minutes.Keys) -> None:
        self._reference = reference
        self._rows = rows
        self._keys = keys
        self._groups = keys.group()

    def features(self, values: Mapping[str, binning.Values]) -> pa.Table:
        """`feature_bins` of the rows; a feature that no event of the batch has is missing in all rows."""
        bins = self._reference.features
        histograms = [self._histogram(feature, values.get(feature.feature)) for feature in bins]
        group, code, count = (np.concatenate(parts) for parts in zip(_NO_CELLS, *histograms, strict=True))
        lengths = [len(found[0]) for found in histograms]
        names = pa.array([feature.feature for feature in bins], pa.string())
        feature_of_row = names.take(pa.array(np.repeat(np.arange(len(bins)), lengths)))
        columns = {**self._key(group), "feature": feature_of_row, "bin": code, "count": count}
        return minutes.rows(FEATURE_BINS, columns)

    def scores(self, scores: minutes.Floats) -> pa.Table:
        """`score_bins` of the rows that have a score."""
        edges = np.asarray(self._reference.score_edges, np.float64)
        codes = binning.intervals(edges, scores[self._rows])
        group, code, count = _cells(self._groups, codes, len(edges) + 2)
        known = code <= len(edges)
        columns = {**self._key(group[known]), "bin": code[known], "count": count[known]}
        return minutes.rows(SCORE_BINS, columns)

    def _key(self, group: Integers) -> dict[str, minutes.Column]:
        reference = pa.array([self._reference.reference] * len(group), pa.string())
        return {**self._keys.of(self._groups.first[group]), "reference": reference}

    def _histogram(self, feature: FeatureBins, values: binning.Values | None) -> _Cells:
        if values is None:
            groups = len(self._groups)
            return np.arange(groups), np.full(groups, MISSING_BIN), self._groups.count()
        of_model = values.at(self._rows) if isinstance(values, Text) else values[self._rows]
        count = binning.bin_count(feature)
        group, code, found = _cells(self._groups, binning.assign(feature, of_model), count + 2)
        return group, binning.fact_bins(count)[code], found


_NONE = np.empty(0, np.int64)
_NO_CELLS = (_NONE, _NONE, _NONE)


def _cells(groups: Groups, codes: Integers, size: int) -> _Cells:
    """Group, code and count of each combination that occurs; codes are 0 to size - 1."""
    places = codes if len(groups) == 1 else groups.codes * size + codes
    counts = np.bincount(places, minlength=len(groups) * size)
    cells = np.flatnonzero(counts)
    return cells // size, cells % size, counts[cells]
