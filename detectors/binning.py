"""Values of one feature as bins of its reference: 0 to B - 1, then B for missing and B + 1 for unseen."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.codes import Integers, Text, text
from detectors.minutes import Floats, floats, narrow_floats
from detectors.ranks import Ranks, ranks
from detectors.references import FeatureBins
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN
from pipeline.wire.features import number_text

Values: TypeAlias = "Floats | Text"
"""A feature of n rows; NaN and '' are missing."""
Narrow: TypeAlias = "Values | npt.NDArray[np.float32]"


def values(column: pa.ChunkedArray) -> Values:
    """A child of `features`: numbers, or text."""
    return text(column) if _is_text(column.type) else floats(column)


def narrow(column: pa.ChunkedArray) -> Narrow:
    """The same to be assigned to bins, which is half the work where numbers have 32 bits."""
    return text(column) if _is_text(column.type) else narrow_floats(column)


def _is_text(of: pa.DataType) -> bool:
    return bool(pa.types.is_string(of) or pa.types.is_large_string(of) or pa.types.is_dictionary(of))


def bin_count(bins: FeatureBins) -> int:
    """B, the number of bins without missing and unseen."""
    return len(bins.categories) if bins.categories is not None else len(bins.edges or ()) + 1


def fact_bins(codes: Integers, counts: Integers | int) -> Integers:
    """The `bin` of a fact row for each code of a feature with that count of bins; shape (k,)."""
    return np.where(codes < counts, codes, np.where(codes == counts, MISSING_BIN, UNSEEN_BIN))


def assign(bins: FeatureBins, found: Narrow) -> Ranks:
    """Bin of each value, shape (n,): numbers or texts against edges or categories.

    A text against edges is read as a number, and a number against categories as its shortest text, for a
    batch in which one row sends text has text in all rows.  Infinity, as a number or a text, is unseen.
    """
    if isinstance(found, Text):
        return np.array(_of_texts(bins, found.values.to_pylist()), np.int64)[found.codes]
    if bins.categories is not None:
        return _number_category(bins.categories, found)
    edges = np.asarray(bins.edges or (), np.float64)
    codes = ranks(edges, found)
    if not np.isfinite(found).all():
        codes[np.isnan(found)] = len(edges) + 1
        codes[np.isinf(found)] = len(edges) + 2
    return codes


def intervals(edges: Floats, found: Floats) -> Ranks:
    """Bin i holds edges[i-1] < x <= edges[i]; NaN is missing, code len(edges) + 1."""
    codes = ranks(edges, found)
    missing = np.isnan(found)
    if missing.any():
        codes[missing] = len(edges) + 1
    return codes


def numbers(found: Values) -> Floats:
    """The number that each value is, shape (n,); NaN where it is none, and for infinity."""
    if isinstance(found, Text):
        parsed = [_parsed(value) for value in found.values.to_pylist()]
        found = np.array([np.nan if n is None else n for n in parsed], np.float64)[found.codes]
    finite = np.isfinite(found)
    return found if finite.all() else np.where(finite, found, np.nan)


def _of_texts(bins: FeatureBins, texts: list[str]) -> list[int]:
    missing = bin_count(bins)
    if bins.categories is not None:
        place = {category: code for code, category in enumerate(bins.categories)}
        return [missing if not value else place.get(value, missing + 1) for value in texts]
    numbers = [_parsed(value) for value in texts]
    edges = np.asarray(bins.edges or (), np.float64)
    codes = intervals(edges, np.array([np.nan if n is None else n for n in numbers], np.float64)).tolist()
    found = zip(texts, numbers, codes, strict=True)
    return [missing + 1 if value and number is None else code for value, number, code in found]


def _number_category(categories: tuple[str, ...], found: npt.NDArray[np.floating]) -> Integers:
    unseen = len(categories) + 1
    places = {
        number: code
        for code, category in enumerate(categories)
        if (number := _parsed(category)) is not None and number_text(number) == category
    }
    known = np.array([*sorted(places), np.nan])
    at = np.searchsorted(known[:-1], found)
    codes = np.array([*(places[number] for number in sorted(places)), unseen], np.int64)[at]
    codes[known[at] != found] = unseen
    codes[np.isnan(found)] = len(categories)
    return codes


def _parsed(value: str) -> float | None:
    """The finite number that a text is, or NaN."""
    try:
        number = float(value)
    except ValueError:
        return None
    return None if number in (np.inf, -np.inf) else number
