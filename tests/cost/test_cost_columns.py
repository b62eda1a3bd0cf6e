"""The exact numbers of a cost answer come out of Arrow's memory and into decimals as they are."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.answers.cost_columns import Lines
from pipeline.answers.money import UNITS_PER_CARD, amounts, hours

SUMS = st.none() | st.integers(-(10**38) + 1, 10**38 - 1) | st.integers(-(2**63), 2**63 - 1)
TIMES = st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))


@settings(max_examples=50)
@given(st.lists(st.tuples(SUMS, TIMES, st.none() | st.text(max_size=3)), max_size=20), st.integers(0, 20))
def test_columns_are_read_as_arrow_reads_them(rows: list[tuple[object, ...]], start: int) -> None:
    """A sign or a high word read wrongly is a bill that is wrong by billions; a part of a table is usual."""
    types = {"nano": pa.decimal128(38, 0), "hour": pa.timestamp("us"), "team": pa.string()}
    columns = zip(*rows, strict=True) if rows else [()] * 3
    arrays = [pa.array(list(c), t) for c, t in zip(columns, types.values(), strict=True)]
    whole = pa.table(arrays, names=list(types))
    table = pa.concat_tables([whole.slice(start), whole])
    found = Lines.of(table)
    assert found.count == table.num_rows
    assert found.each() == table.to_pylist()
    assert all(value is None or type(value) is int for value in found["nano"])


@given(st.lists(st.integers(-(10**18), 10**18), max_size=5), st.sampled_from([1_000, 1_024, UNITS_PER_CARD]))
@example([-1, 0, 1_800_000 // 1_000, 3 * 1_800_000], 1_000)  # halves of a millionth
@example([UNITS_PER_CARD * 1_800 * n for n in (-3, -1, 1, 3, 5)], UNITS_PER_CARD)
def test_hours_are_to_the_millionth_half_to_even(times: list[int], parts: int) -> None:
    """As a spreadsheet that checks the statement rounds them."""
    found = hours(times, parts)
    assert [Fraction(hour) for hour in found] == [
        Fraction(round(Fraction(time * 1_000_000, parts * 3_600_000_000)), 1_000_000) for time in times
    ]
    assert all(hour.as_tuple().exponent == -6 for hour in found)


@given(st.lists(st.integers(-(10**27), 10**27), max_size=5))
def test_billionths_are_the_amount(nanos: list[int]) -> None:
    """Each digit: who adds the rows up must find the total."""
    assert [Fraction(amount) for amount in amounts(nanos)] == [Fraction(nano, 10**9) for nano in nanos]
    assert all(amount.as_tuple().exponent == -9 for amount in amounts(nanos))
