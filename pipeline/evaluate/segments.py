"""Parts of a sample by the values of a declared column: the most frequent ones, and all others as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors.codes import Integers, Text
from detectors.sample_distances import tally
from pipeline.evaluate.sample import Sample

MOST_VALUES = 20
"""Of a column; rarer ones are OTHER."""
OTHER = "(other)"
MISSING = "(missing)"


class Segment(NamedTuple):
    """Rows of the reference and of the data with one value of a column."""

    column: str
    name: str
    """column=value."""
    before: Integers | None
    """None where the reference's rows are not known."""
    rows: Integers


def segments(before: Sample | None, data: Sample) -> Iterator[Segment]:
    """Those that the data has, by column and the most frequent value first."""
    for column, values in data.segments.items():
        counts = tally(values)
        ranked = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_VALUES]
        for name, rows in _parts(values, ranked):
            same = dict(_parts(before.segments[column], ranked)) if before else None
            yield Segment(
                column, f"{column}={name}", None if same is None else same.get(name, rows[:0]), rows
            )


def note(data: Sample) -> tuple[str, ...]:
    """What a reader must know of columns with too many values."""
    many = {column: len(tally(values)) for column, values in data.segments.items()}
    return tuple(
        f"{column} has {count:,} values: {OTHER} holds all but the {MOST_VALUES} most frequent"
        for column, count in many.items()
        if count > MOST_VALUES
    )


def _parts(values: Text, ranked: list[str]) -> Iterator[tuple[str, Integers]]:
    texts = values.values.to_pylist()
    place = {value: i for i, value in enumerate(ranked)}
    rest = len(ranked)
    of_text = np.array([rest + 1 if not text else place.get(text, rest) for text in texts], np.int64)
    codes = of_text[values.codes]
    for i, name in enumerate([*ranked, OTHER, MISSING]):
        rows = np.flatnonzero(codes == i)
        if len(rows):
            yield name, rows
