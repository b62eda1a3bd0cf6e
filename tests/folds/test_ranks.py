"""Bins of numbers are those of the plain definition, whatever the floats and however many there are."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import ranks
from detectors.binning import intervals
from tests.examples import examples

TINY, LARGEST = math.ulp(0.0), sys.float_info.max
HOSTILE = [0.0, -0.0, TINY, -TINY, sys.float_info.min, 1.0, math.nextafter(1.0, 2.0), LARGEST, -LARGEST]

finite = st.sampled_from(HOSTILE) | st.floats(allow_nan=False, allow_infinity=False)
edge_lists = st.lists(finite, max_size=12).map(sorted)
"""Edges may repeat: a value is then above all of the equal ones or none."""


@st.composite
def edges_and_values(draw):
    edges = draw(edge_lists)
    near = [f for e in edges for f in (e, math.nextafter(e, math.inf), math.nextafter(e, -math.inf))]
    any_value = st.sampled_from([*near, *HOSTILE, math.inf, -math.inf, math.nan]) | st.floats()
    return edges, draw(st.lists(any_value, max_size=40))


def plain(edges, values) -> list[int]:
    """Bin i holds edges[i-1] < x <= edges[i]; missing is one more than the last bin."""
    return [len(edges) + 1 if math.isnan(x) else sum(e < x for e in edges) for x in values]


@settings(max_examples=examples(300), deadline=None)
@given(edges_and_values())
def test_every_float_falls_into_the_bin_of_the_plain_definition(drawn):
    edges, values = drawn
    assert intervals(np.array(edges, np.float64), np.array(values, np.float64)).tolist() == plain(
        edges, values
    )


@settings(max_examples=examples(300), deadline=None)
@given(edges_and_values())
def test_a_number_of_32_bits_falls_where_it_would_with_64(drawn):
    """A producer that sends narrow numbers is compared with the same reference as all others."""
    edges, values = drawn
    with np.errstate(over="ignore"):
        narrow = np.array([*values, *edges], np.float32)
    narrow = narrow[~np.isnan(narrow)]
    found = ranks.ranks(np.array(edges, np.float64), narrow)
    assert found.tolist() == plain(edges, narrow.astype(np.float64).tolist())


@pytest.mark.parametrize("count", [0, 1, 9, ranks.FEW_EDGES, ranks.FEW_EDGES + 1])
@pytest.mark.parametrize("rows", [0, 1, 4_999])
def test_blocks_and_searches_give_the_bins_of_the_plain_definition(monkeypatch, count, rows):
    """A large batch is compared block by block, and many edges are searched: neither may move a bin."""
    monkeypatch.setattr(ranks, "_CACHED_CELLS", 1_000)
    rng = np.random.default_rng(count + rows)
    edges, values = np.sort(rng.normal(size=count)), rng.normal(size=rows)
    values[::7] = np.nan
    values[::11] = np.resize(edges, len(values[::11])) if count else np.inf
    assert intervals(edges, values).tolist() == plain(edges.tolist(), values.tolist())
