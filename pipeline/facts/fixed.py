"""Integers as fixed decimals: how folds that count in integers write their sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def fixed(integers: npt.NDArray[np.int64], of: pa.DataType) -> pa.Array:
    """Integers in units of the decimal type's last digit, as that type; shape (n,), no copy of meaning.

    For example 1_500_000 becomes 1.500000 of decimal(18, 6).
    """
    words = np.empty((len(integers), 2), dtype=np.int64)
    words[:, 0] = integers
    words[:, 1] = integers >> 63
    return pa.Array.from_buffers(of, len(integers), [None, pa.py_buffer(words)])
