"""How many of some edges lie below each value: the step that all bins and curves share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEW_EDGES = 100
"""Up to so many edges it is quicker to compare with all of them than to search among them."""


def ranks(edges: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Number of edges e < x for each value x; shape (n,).  Edges ascend; NaN ranks anywhere."""
    if len(edges) > FEW_EDGES:
        return np.searchsorted(edges, values, side="left")
    below: npt.NDArray[np.int64] = (values > edges[:, None]).sum(axis=0, dtype=np.uint8).astype(np.int64)
    return below
