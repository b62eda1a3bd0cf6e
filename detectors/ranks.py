"""How many of some edges lie below each value: the step that all bins and curves share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEW_EDGES = 100
"""Up to so many edges it is quicker to compare with all of them than to search among them."""

_CACHED_CELLS = 2**18
"""Comparisons of one block of values: their results stay in the processor's cache."""

Ranks = npt.NDArray[np.uint8] | npt.NDArray[np.int64]


def ranks(edges: npt.NDArray[np.float64], values: npt.NDArray[np.floating]) -> Ranks:
    """Number of edges e < x for each value x of 64 or 32 bits; shape (n,).

    Edges ascend; NaN ranks anywhere.
    """
    return _ranks(_below(edges) if values.dtype == np.float32 else edges, values)


def _ranks(edges: npt.NDArray[np.floating], values: npt.NDArray[np.floating]) -> Ranks:
    if len(edges) > FEW_EDGES:
        return np.searchsorted(edges, values, side="left")
    found = np.zeros(len(values), np.uint8)
    size = _CACHED_CELLS // max(len(edges), 1)
    for start in range(0, len(values), size):
        block = slice(start, start + size)
        above = (values[block] > edges[:, None]).view(np.uint8)
        np.add.reduce(above, axis=0, dtype=np.uint8, out=found[block])
    return found


def _below(edges: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """The largest number of 32 bits up to each edge: what has 32 bits is above both or above neither."""
    with np.errstate(over="ignore"):
        narrow = edges.astype(np.float32)
    return np.where(narrow > edges, np.nextafter(narrow, np.float32(-np.inf)), narrow)
