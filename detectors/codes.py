"""Text columns as integer codes, and rows gathered by their codes: what every fold groups by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Kinds = npt.NDArray[np.uint8] | Integers
Rows = Integers | slice
"""Places of rows; a slice spares a copy."""

_DENSE_CELLS_PER_ROW = 8
_DENSE_CELLS = 4_096

_FEW_TEXTS = 16
"""So few are searched sooner in Python than Arrow's search starts."""
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def is_all(rows: Rows) -> bool:
    """Whether every row is meant, of which no copy is needed."""
    return isinstance(rows, slice) and rows == slice(None)


@dataclass(frozen=True, slots=True)
class Text:
    """A text column of n rows: row i holds `values[codes[i]]`; null is ''."""

    codes: Integers
    values: pa.StringArray
    """Distinct texts without null."""

    @property
    def size(self) -> int:
        return len(self.values)

    def code(self, text: str) -> int:
        """Code of a text, -1 where no row can hold it."""
        if self.size > _FEW_TEXTS:
            return int(self.values.index(text).as_py())
        texts = self.values.to_pylist()
        return texts.index(text) if text in texts else -1

    def equals(self, text: str) -> Mask:
        """Rows that hold the text; shape (n,)."""
        return np.equal(self.codes, self.code(text))

    def at(self, rows: Rows) -> Text:
        """The column of some rows."""
        return self if is_all(rows) else Text(self.codes[rows], self.values)

    def take(self, rows: Integers) -> pa.StringArray:
        """The texts of some rows."""
        if self.size == 1:
            return pa.repeat(self.values[0], len(rows))
        return self.values.take(pa.array(self.codes[rows]))


def text(column: pa.ChunkedArray) -> Text:
    """Codes of a text column, dictionary-encoded or not, in any number of chunks."""
    if len(column) == column.null_count:
        return Text(np.zeros(len(column), np.int64), pa.array([""] if len(column) else [], pa.string()))
    only = constant(column)
    if only is not None:
        return Text(np.zeros(len(column), np.int64), only)
    array = _one_dictionary(column)
    values, codes = _distinct(array.dictionary, array.indices)
    if array.null_count:
        return _with_nulls(codes, values, array.indices.is_null().to_numpy(zero_copy_only=False))
    return Text(codes, values)


def constant(column: pa.ChunkedArray) -> pa.StringArray | None:
    """The text of all rows, as model and version are in most batches, where one-text dictionaries say so."""
    if column.type != _DICTIONARY or column.null_count or not column.num_chunks:
        return None
    first = column.chunk(0).dictionary
    if len(first) != 1 or first.null_count:
        return None
    same = column.num_chunks == 1 or all(first.equals(chunk.dictionary) for chunk in column.chunks)
    return first if same else None


def _one_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if encoded.num_chunks == 1:
        return encoded.chunk(0)
    return pa.concat_arrays(encoded.unify_dictionaries().chunks)


def _distinct(dictionary: pa.Array, indices: pa.Array) -> tuple[pa.StringArray, Integers]:
    """A producer's dictionary may hold a text twice, or null."""
    values = dictionary.cast(pa.string())
    if values.null_count:
        values = values.fill_null("")
    codes = np.asarray((indices.fill_null(0) if indices.null_count else indices).to_numpy(), np.int64)
    if len(values) <= _FEW_TEXTS and len(set(values.to_pylist())) == len(values):
        return values, codes
    distinct = values.dictionary_encode()
    if len(distinct.dictionary) == len(values):
        return values, codes
    return distinct.dictionary, distinct.indices.to_numpy().astype(np.int64)[codes]


def _with_nulls(codes: Integers, values: pa.StringArray, missing: Mask) -> Text:
    empty = int(values.index("").as_py())
    if empty < 0:
        empty = len(values)
        values = pa.concat_arrays([values, pa.array([""], pa.string())])
    return Text(np.where(missing, empty, codes), values)


def same(left: Text, right: Text) -> Mask:
    """Rows in which two columns hold the same text; shape (n,)."""
    place = {value: code for code, value in enumerate(left.values.to_pylist())}
    translated = np.array([place.get(value, -1) for value in right.values.to_pylist()], np.int64)
    return np.equal(translated[right.codes], left.codes)


def holds(column: pa.ChunkedArray, of: str) -> Mask:
    """Rows that hold a text, at a fourth of the price of the column's codes; shape (n,)."""
    return _told(pc.equal(column, of))


def known(column: pa.ChunkedArray) -> Mask:
    """Rows that hold a text other than ''; shape (n,)."""
    return _told(pc.not_equal(column, ""))


def alike(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Mask:
    """Rows in which two columns hold the same text, null being none; shape (n,)."""
    return _told(pc.equal(left, right))


def _told(found: pa.ChunkedArray) -> Mask:
    if found.null_count == len(found):
        return np.zeros(len(found), np.bool_)
    return np.asarray(pc.fill_null(found, False).to_numpy(), np.bool_)


@dataclass(frozen=True, slots=True)
class Groups:
    """n rows in g groups: row i is in group `codes[i]`; `first[j]` is a row of group j."""

    codes: Integers
    first: Integers

    def __len__(self) -> int:
        return len(self.first)

    def count(self, where: Mask | None = None) -> Integers:
        """Rows per group, or those that `where` marks; shape (g,)."""
        codes = self.codes if where is None else self.codes[where]
        return np.bincount(codes, minlength=len(self))

    def sum(self, values: Integers) -> Integers:
        """Exact sums per group of n integers; shape (g,)."""
        if len(self) == 1:
            return np.asarray(values.sum(keepdims=True), np.int64)
        return _sums(self.codes, values, len(self))

    def count_by(self, kinds: Kinds, size: int) -> Integers:
        """Rows per group and kind, where kinds are 0 to size - 1; shape (g, size)."""
        counts = np.bincount(self.codes * size + kinds, minlength=len(self) * size)
        return counts.reshape(len(self), size)

    def cells(self, kinds: Kinds, size: int) -> tuple[Integers, Integers, Integers]:
        """Which kinds, 0 to size - 1, occur in which groups: group, kind and rows of each; shape (k,)."""
        places, cells = self.codes * size + kinds, len(self) * size
        if cells <= max(_DENSE_CELLS_PER_ROW * len(places), _DENSE_CELLS):
            counts = np.bincount(places, minlength=cells)
            occurring = np.flatnonzero(counts)
            counts = counts[occurring]
        else:
            occurring, counts = np.unique(places, return_counts=True)
        group, kind = np.divmod(occurring, size)
        return group, kind, counts

    def sum_by(self, values: Integers, kinds: Kinds, size: int) -> Integers:
        """Exact sums per group and kind of n integers; shape (g, size)."""
        return _sums(self.codes * size + kinds, values, len(self) * size).reshape(len(self), size)


def _sums(places: Integers, values: Integers, size: int) -> Integers:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, values)
    return sums


def group(keys: Sequence[tuple[Integers, int]]) -> Groups:
    """Groups of equal keys: each key is n codes from 0 to size - 1, with its size."""
    codes, size = keys[0]
    for more, more_size in keys[1:]:
        if more_size == 1:
            continue
        if size * more_size > 2**62:
            codes, size = _dense(codes)
        codes, size = codes * more_size + more, size * more_size
    return _gathered(codes, size)


def _dense(codes: Integers) -> tuple[Integers, int]:
    distinct, dense = np.unique(codes, return_inverse=True)
    return dense, len(distinct)


def _gathered(codes: Integers, size: int) -> Groups:
    if size == 1:
        return Groups(codes, np.zeros(min(len(codes), 1), np.int64))
    if size <= max(_DENSE_CELLS_PER_ROW * len(codes), _DENSE_CELLS):
        present = np.zeros(size, np.bool_)
        present[codes] = True
        groups = int(np.count_nonzero(present))
        dense = codes if groups == size else (np.cumsum(present) - 1)[codes]
    else:
        dense, groups = _dense(codes)
    first = np.empty(groups, np.int64)
    first[dense] = np.arange(len(codes))
    return Groups(dense, first)
