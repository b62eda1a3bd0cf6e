"""Intervals of a rate are the exact ones of the books, also at 0 and at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from detectors.intervals import clopper_pearson, clopper_pearson_upper, wilson

rates = st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(rates, st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_are_scipys(rate: tuple[int, int], confidence: float) -> None:
    hits, count = rate
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        theirs = binomtest(hits, count).proportion_ci(confidence, method)
        assert ours(hits, count, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(rates)
def test_the_upper_bound_is_the_largest_rate_that_the_data_do_not_refute(rate: tuple[int, int]) -> None:
    """At the bound, so few errors would be seen with 1 % chance: the judge's tolerated rate rests on it."""
    hits, count = rate
    upper = clopper_pearson_upper(hits, count, 0.99)
    assert hits / count <= upper <= 1.0
    if hits < count:
        assert binom.cdf(hits, count, upper) == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize(("hits", "count"), [(1, 0), (-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(hits: int, count: int) -> None:
    for interval in (clopper_pearson, wilson, clopper_pearson_upper):
        with pytest.raises(ValueError, match="is not a rate"):
            interval(hits, count)
