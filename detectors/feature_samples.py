"""Fold of inference events into a uniform sample of whole rows: of each hour those of the lowest rank.

The rank is a hash of the row's time and values, so which rows are kept hangs on no batch, order, worker or
replay, and samples of parts merge to that of the whole: the lowest k of both (bottom-k: Cohen and Kaplan,
Summarizing Data using Bottom-k Sketches, PODC 2007).  Rows that agree in time and values are one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from detectors import binning, minutes, row_hash
from detectors.binning import Values
from detectors.by_model import referenced
from detectors.codes import Integers, Rows, Text, group, text
from detectors.references import FeatureBins, Reference
from pipeline.facts.models import FEATURE_SAMPLES

HOUR = 60 * minutes.MINUTE
FEWEST = 500
"""Rows of window and reference for a comparison: without drift the standard error of the domain classifier's
area is then 0.018."""
MOST = 5_000
"""Rows that are kept of a reference, and taken of a window: a mean over them is known to 1.4 % of the spread
over rows."""
UNSEEN = "(unseen)"
"""Stands for a text that the reference does not list: what somebody typed is not kept."""
_SPARE = 64


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`inference` events as `feature_samples`, of models whose reference asks for it and of no others."""
    asked = {model: r for model, r in references.items() if r.sample_rows and r.features}
    found = referenced(text(events.column("model")), asked) if asked else ()
    parts = [_sampled(events, reference, rows) for reference, rows in found]
    schema = FEATURE_SAMPLES.schema
    return {FEATURE_SAMPLES.name: pa.concat_tables(parts) if parts else schema.empty_table()}


def contents(events: pa.Table, reference: Reference, rows: Integers) -> list[str]:
    """Some rows of events of one model as the facts keep them: JSON arrays in the order of the features."""
    return _arrays([column.at(rows) for column in _columns(events, reference, slice(None))])


def features(reference: Reference, kept: Sequence[str]) -> dict[str, Values]:
    """What `contents` wrote, as columns by feature."""
    columns = zip(*json.loads(f"[{','.join(kept)}]"), strict=True)
    return {
        bins.feature: np.array(column, np.float64)
        if bins.categories is None
        else text(pa.chunked_array([pa.array(column, pa.string())]))
        for bins, column in zip(reference.features, columns, strict=False)
    }


def _columns(events: pa.Table, reference: Reference, rows: Rows) -> Iterator[_Numbers | _Categories]:
    """Each feature of the reference, as its bins read it; one that the events lack is missing in all rows."""
    sent = events.column("features")
    children = dict(zip((field.name for field in sent.type), sent.flatten(), strict=True))
    for bins in reference.features:
        child = children.get(bins.feature)
        values = np.full(events.num_rows, np.nan) if child is None else binning.values(child)
        mine = values.at(rows) if isinstance(values, Text) else values[rows]
        yield _Numbers(mine) if bins.categories is None else _Categories(bins, mine)


class _Numbers:
    def __init__(self, values: Values) -> None:
        self._values = binning.numbers(values)

    def words(self) -> row_hash.Words:
        return row_hash.of_numbers(self._values)

    def at(self, rows: Integers) -> list[str]:
        found = (self._values[rows] + 0.0).tolist()  # no -0
        return ["null" if value != value else repr(value) for value in found]


class _Categories:
    def __init__(self, bins: FeatureBins, values: Values) -> None:
        self._names = [*(bins.categories or ()), None, UNSEEN]
        self._codes = binning.assign(bins, values)

    def words(self) -> row_hash.Words:
        words = row_hash.of_texts([name or "" for name in self._names])
        return words[self._codes]

    def at(self, rows: Integers) -> list[str]:
        names = [json.dumps(name, ensure_ascii=False) for name in self._names]
        return [names[code] for code in self._codes[rows].tolist()]


def _arrays(columns: Sequence[Sequence[str]]) -> list[str]:
    return [f"[{','.join(row)}]" for row in zip(*columns, strict=True)]


def _sampled(events: pa.Table, reference: Reference, rows: Rows) -> pa.Table:
    times = minutes.microseconds(events.column("time"))[rows]
    version = text(events.column("model_version")).at(rows)
    hours = times // HOUR
    first = int(hours.min())
    columns = list(_columns(events, reference, rows))
    rank = row_hash.ranks([times.view(np.uint64), *(column.words() for column in columns)])
    by_hour = group([(hours - first, int(hours.max()) - first + 1), (version.codes, version.size)])
    kept = lowest(by_hour.codes, rank, reference.sample_rows)
    same = {"model": reference.model, "reference": reference.reference}
    return minutes.rows(
        FEATURE_SAMPLES,
        {
            "hour": hours[kept] * HOUR,
            "model_version": version.take(kept),
            **{name: pa.repeat(pa.scalar(value), len(kept)) for name, value in same.items()},
            "rank": rank[kept],
            "rows_an_hour": np.full(len(kept), reference.sample_rows),
            "time": times[kept],
            "content": pa.array(_arrays([column.at(kept) for column in columns]), pa.string()),
        },
    )


def lowest(groups: Integers, rank: Integers, most: int) -> Integers:
    """Places of the `most` lowest ranks of each group, in the order of both; equal ones are one."""
    counts = np.bincount(groups)
    # To sort all is a hundred times the work: nearly always enough are below twice the expected bound.
    bound = np.minimum((2.0 * most + _SPARE) / np.maximum(counts, 1), 1.0) * float(2**63 - 1024)
    few = np.flatnonzero((rank <= bound[groups]) | (counts <= most)[groups])
    found = few[_first(groups[few], rank[few], most)]
    if (np.bincount(groups[found], minlength=len(counts)) >= np.minimum(counts, most)).all():
        return found
    return _first(groups, rank, most)


def _first(groups: Integers, rank: Integers, most: int) -> Integers:
    order = np.lexsort((rank, groups))
    of, ranks = groups[order], rank[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (ranks[1:] != ranks[:-1])
    order, of = order[new], of[new]
    place = np.arange(len(of)) - np.searchsorted(of, of, side="left")
    return order[place < most]
