"""A number for a row that follows from its values alone: the same on every machine, in any batch and order.

The columns' words of 64 bits are taken in one after the other, and mixed at the end by the finaliser of
SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detectors.codes import Integers
from detectors.minutes import Floats

Words = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_CACHED = 2**14
"""Rows at a time: they stay in the processor's cache."""
_NAN = np.uint64(0x7FF8000000000000)


def of_numbers(values: Floats) -> Words:
    """The bits of n numbers, where -0 is 0 and every NaN the same."""
    words = (values + 0.0).view(np.uint64)
    missing = np.isnan(values)
    if missing.any():
        words[missing] = _NAN
    return words


def of_texts(texts: Sequence[str]) -> Words:
    """A word for each text: eight bytes of its BLAKE2b."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def ranks(columns: Sequence[Words]) -> Integers:
    """Uniform on 0 to 2^63 - 1, shape (n,)."""
    state = np.zeros(len(columns[0]), np.uint64)
    for start in range(0, len(state), _CACHED):
        block = state[start : start + _CACHED]
        for column in columns:
            block ^= column[start : start + _CACHED]
            block *= _STEP
            block ^= block >> np.uint64(32)
        _mix(block)
    return (state >> np.uint64(1)).view(np.int64)


def _mix(words: Words) -> None:
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
