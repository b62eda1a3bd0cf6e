"""Which rows of hourly samples the ledger need not be told of: as many of lower rank are in it already.

A worker commits every second or so, and each commit's own sample would be a full one. With this an hour of n
events adds about k (1 + ln(n / k)) rows for each writer, of which maintenance leaves k.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from detectors.codes import Integers
from pipeline.facts.fact import MOST
from pipeline.facts.models import FEATURE_SAMPLES

REMEMBERED = 2_000_000
"""Ranks, of 8 bytes; what is forgotten is only written once more."""

_Group: TypeAlias = tuple[object, ...]


class Sampled:
    """The lowest ranks of each hour that this process has committed; to forget them is always allowed."""

    def __init__(self) -> None:
        self._lowest: OrderedDict[_Group, Integers] = OrderedDict()
        self._held = 0

    def needed(self, rows: pa.Table) -> pa.Table:
        """Those of `feature_samples` that can still be among the lowest of their hour and are not known."""
        keep = np.ones(rows.num_rows, np.bool_)
        rank = rows["rank"].to_numpy()
        most = rows[MOST].to_numpy()
        for group, places in _groups(rows):
            known = self._lowest.get(group)
            if known is not None:
                mine = rank[places]
                full = len(known) >= most[places[0]]
                keep[places] = ~np.isin(mine, known) & ((mine < known[-1]) if full else True)
        return rows.filter(pa.array(keep))

    def committed(self, rows: pa.Table) -> None:
        """The ledger has these rows for certain."""
        rank = rows["rank"].to_numpy()
        most = rows[MOST].to_numpy()
        for group, places in _groups(rows):
            known = self._lowest.pop(group, rank[:0])
            lowest = np.union1d(known, rank[places])[: most[places[0]]]
            self._held += len(lowest) - len(known)
            self._lowest[group] = lowest
        while self._held > REMEMBERED:
            _, forgotten = self._lowest.popitem(last=False)
            self._held -= len(forgotten)

    def forget(self) -> None:
        self._lowest.clear()
        self._held = 0


def _groups(rows: pa.Table) -> list[tuple[_Group, Integers]]:
    """Each group of rows that are sampled together, and the places of its rows."""
    names = FEATURE_SAMPLES.key_names[:-1]
    places: dict[_Group, list[int]] = {}
    for place, group in enumerate(zip(*(rows[name].to_pylist() for name in names), strict=True)):
        places.setdefault(group, []).append(place)
    return [(group, np.array(found, np.int64)) for group, found in places.items()]
