"""Rows of many versions by minute, to which others are added, and from which some are taken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Version = tuple[str, str]
"""Model and version."""
Ints = npt.NDArray[np.int64]

EPOCH = datetime(1970, 1, 1)
BITS = 32
"""A key is the number of a version above so many bits of the minute."""
COUNT = "count"


@dataclass(slots=True)
class Rows:
    """`columns` of shape (n,) in the order of `keys`, whose minutes are since 1970."""

    versions: dict[Version, int]
    """The number of each, which several may share."""
    keys: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def read(self, table: pa.Table) -> None:
        """Take in the rows of `table`: model, model_version, minute and the columns."""
        keys = self._keys(table)
        order = np.argsort(keys, kind="stable")
        new = {n: _plain(table.column(n))[order] for n in table.column_names[3:]}
        if not len(self.keys):
            self.keys, self.columns = keys[order], new
            return
        places = np.searchsorted(self.keys, keys[order], side="right")
        self.keys = np.insert(self.keys, places, keys[order])
        self.columns = {n: np.insert(of, places, new[n]) for n, of in self.columns.items()}

    def add(self, table: pa.Table, same: Collection[str] = ()) -> bool:
        """Add the numbers of `table` to the rows with its keys and columns `same`, and take in others.

        Rows whose count comes to zero are gone.  False, and nothing done, where one would be below it.
        """
        keys = self._keys(table)
        if not len(keys):
            return True
        new = {n: _plain(table.column(n)) for n in table.column_names[3:]}
        kept = self.columns or {n: of[:0] for n, of in new.items()}
        wanted = np.unique(keys)
        first, last = (np.searchsorted(self.keys, wanted, side=side) for side in ("left", "right"))
        sizes = last - first
        old = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        both = np.concatenate([self.keys[old], keys])
        columns = {n: np.concatenate([kept[n][old], of]) for n, of in new.items()}
        alike = [both, *(_exact(columns[n]) for n in same)]
        order = np.lexsort(alike[::-1])
        apart = [of[order[1:]] != of[order[:-1]] for of in alike]
        begin = np.flatnonzero(np.r_[True, np.logical_or.reduce(apart)])
        columns = {
            n: of[order[begin]] if n in same else np.add.reduceat(of[order], begin)
            for n, of in columns.items()
        }
        if (columns[COUNT] < 0).any():
            return False
        left = columns[COUNT] > 0
        both, rest = both[order[begin]][left], np.delete(self.keys, old)
        places = np.searchsorted(rest, both)
        self.keys = np.insert(rest, places, both)
        self.columns = {n: np.insert(np.delete(kept[n], old), places, of[left]) for n, of in columns.items()}
        return True

    def keep(self, start: datetime, end: datetime) -> None:
        """Forget all that is not of [start, end)."""
        within = self._within(start, end)
        if not within.all():
            self.keys = self.keys[within]
            self.columns = {name: of[within] for name, of in self.columns.items()}

    def inside(self, start: datetime, end: datetime, *names: str) -> tuple[npt.NDArray[Any], ...]:
        """The keys of [start, end), ascending, and the columns of these names; to be read alone."""
        within = self._within(start, end)
        none = np.zeros(0, np.int64)
        found = (self.keys, *(self.columns.get(n, none) for n in names))
        return found if within.all() else tuple(of[within] for of in found)

    def _within(self, start: datetime, end: datetime) -> npt.NDArray[np.bool_]:
        minutes = self.minutes
        return np.asarray((minutes >= minute_of(start)) & (minutes < minute_of(end)))

    @property
    def minutes(self) -> Ints:
        return self.keys & ((1 << BITS) - 1)

    def _keys(self, table: pa.Table) -> Ints:
        names = [pc.dictionary_encode(table.column(n).combine_chunks()) for n in ("model", "model_version")]
        model, version = (np.asarray(of.indices.to_numpy(), np.int64) for of in names)
        size = max(1, len(names[1].dictionary))
        pairs, place = np.unique(model * size + version, return_inverse=True)
        texts = [of.dictionary.to_pylist() for of in names]
        known = [(texts[0][pair // size], texts[1][pair % size]) for pair in pairs.tolist()]
        numbers = np.array([self.versions.setdefault(of, len(self.versions)) for of in known], np.int64)
        if not len(numbers):
            return np.zeros(0, np.int64)
        return (numbers[place] << BITS) | _minutes(table.column("minute"))


def sums(place: Ints, values: npt.NDArray[np.integer], size: int) -> Ints:
    """(size,): exact while they are below 2^53."""
    return np.bincount(place, values, size).astype(np.int64)


def by_version(
    versions: dict[Version, int],
    keys: Ints,
    columns: dict[str, npt.NDArray[Any]],
    models: Collection[str],
) -> dict[Version, pa.Table]:
    """Slices of minute and `columns`, of the versions of `models`; `keys` ascend."""
    if not len(keys):
        return {}
    table = pa.table({"minute": times(keys), **columns})
    starts = np.flatnonzero(np.r_[True, keys[1:] >> BITS != keys[:-1] >> BITS])
    names = {number: version for version, number in versions.items()}
    found = {}
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(keys)], strict=True):
        version = names[int(keys[start] >> BITS)]
        if version[0] in models:
            found[version] = table.slice(start, end - start)
    return found


def minute_of(time: datetime) -> int:
    return (time - EPOCH) // timedelta(minutes=1)


def times(keys: Ints) -> npt.NDArray[np.datetime64]:
    """The minutes of keys, as instants of microseconds."""
    return (keys & ((1 << BITS) - 1)).astype("datetime64[m]").astype("datetime64[us]")


def _minutes(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.to_numpy().astype("datetime64[m]").astype(np.int64))


def _plain(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Numbers as they are, null is NaN; texts as objects."""
    return np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False))


def _exact(column: npt.NDArray[Any]) -> Ints:
    """Whole numbers that are equal where the column's are, and where both are NaN or no time."""
    return np.asarray(column.view(np.int64) if column.dtype.kind in "fM" else column.astype(np.int64))
