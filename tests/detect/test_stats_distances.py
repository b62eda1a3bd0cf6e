"""The published statistics are the published ones: people compare our numbers with their other tools'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2 as chi2_law
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from detectors import distances
from detectors.sample_distances import Numbers

counts = st.lists(st.integers(0, 10_000), min_size=2, max_size=30)
pairs = counts.flatmap(
    lambda a: st.tuples(st.just(a), st.lists(st.integers(0, 10_000), min_size=len(a), max_size=len(a)))
).filter(lambda pair: sum(pair[0]) > 0 and sum(pair[1]) > 0)

SYMMETRIC = (distances.psi, distances.jensen_shannon_distance, distances.kolmogorov_smirnov,
             distances.hellinger, distances.l_infinity)  # fmt: skip


@given(pairs)
def test_js_distance_is_scipys_in_base_two(pair: tuple[list[int], list[int]]) -> None:
    """A threshold of 0.1 taken over from another tool must mean the same here."""
    ours = distances.jensen_shannon_distance(*pair)
    assert ours == pytest.approx(jensenshannon(*pair, base=2), abs=1e-6)


@given(pairs)
def test_wasserstein_and_ks_are_scipys_on_the_binned_values(pair: tuple[list[int], list[int]]) -> None:
    """The bins are the sample: the area and the gap between the two cumulative shares must be exact."""
    values = np.cumsum(np.arange(1, len(pair[0]) + 1)).astype(float)
    expected = wasserstein_distance(values, values, *pair)
    assert distances.wasserstein(*pair, values) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_wasserstein_and_ks_of_two_samples_are_scipys() -> None:
    rng = np.random.default_rng(0)
    then, now = rng.normal(size=900), rng.normal(0.2, 2, 700).round(1)
    numbers = Numbers.of(then)
    assert numbers is not None
    found = numbers.distances(now)
    assert found["wasserstein_exact"] == wasserstein_distance(then, now)
    assert found["kolmogorov_smirnov_exact"] == pytest.approx(ks_2samp(then, now).statistic, abs=1e-12)


def test_ks_from_bins_is_the_exact_statistic_when_each_value_has_its_bin() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 12, 500), rng.integers(2, 14, 700)
    binned = [np.bincount(x, minlength=14) for x in (a, b)]
    assert distances.kolmogorov_smirnov(*binned) == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)


def test_ks_from_ten_bins_stays_a_close_lower_bound() -> None:
    """A reader who compares with an exact KS must find ours below it and near."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=5_000), rng.normal(0.3, 1.1, 5_000)
    edges = np.quantile(a, np.linspace(0.1, 0.9, 9))
    binned = [np.bincount(np.searchsorted(edges, x), minlength=10) for x in (a, b)]
    exact = ks_2samp(a, b).statistic
    assert exact - 0.02 < distances.kolmogorov_smirnov(*binned) <= exact


def test_psi_is_the_textbook_sum() -> None:
    """The worked numbers of a credit-score table: sum (p - q) ln(p / q)."""
    q, p = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    expected = 0.1 * np.log(1.5) + -0.1 * np.log(0.8)
    assert distances.psi(q * 1_000, p * 1_000) == pytest.approx(expected, rel=1e-12)


def test_psi_of_an_emptied_bin_is_large_and_finite() -> None:
    """A category that vanishes must show as a shift, not as infinity that breaks every chart."""
    value = distances.psi([500, 500], [1_000, 0])
    expected = 0.5 * np.log(2) + 0.5 * np.log(0.5 / distances.PSI_EPSILON)
    assert value == pytest.approx(expected, rel=1e-3)


def test_psi_of_an_unchanged_stream_follows_its_chi_square_law() -> None:
    """PSI ~ (1/n + 1/N) chi2_{B-1}: why fewer than 500 events give no PSI."""
    rng = np.random.default_rng(2)
    n, size = 500, 10_000
    draws = rng.multinomial([size, n] * 400, [0.1] * 10).reshape(400, 2, 10)
    values = [distances.psi(*pair) for pair in draws]
    assert np.mean(values) == pytest.approx((1 / n + 1 / size) * 9, rel=0.1)
    assert np.mean(np.array(values) > 0.1) == 0.0


def test_chi2_is_pearsons_and_ignores_bins_that_nobody_uses() -> None:
    a, b = [30, 20, 0, 50], [20, 30, 0, 50]
    found = distances.chi2(a, b)
    assert found.statistic == pytest.approx(2 * (5**2 / 25 + 5**2 / 25))
    assert found.p_value == pytest.approx(chi2_law.sf(found.statistic, 2))


@given(pairs)
def test_chi2_is_scipys(pair: tuple[list[int], list[int]]) -> None:
    """Also with two bins, where Yates' correction makes a difference."""
    table = np.array(pair)
    theirs = chi2_contingency(table[:, table.sum(axis=0) > 0])
    assert distances.chi2(*pair) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("distance", SYMMETRIC)
@given(pair=pairs, factor=st.integers(1, 7))
def test_distances_are_symmetric_zero_on_equals_and_blind_to_traffic(distance, pair, factor) -> None:
    """Twice the traffic with the same mix is not drift."""
    a, b = pair
    assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-12)
    assert distance(a, [factor * n for n in a]) == pytest.approx(0.0, abs=1e-7)
    assert distance([factor * n for n in a], b) == pytest.approx(distance(a, b), abs=1e-7)


@given(pairs)
def test_bounded_distances_keep_their_bounds(pair: tuple[list[int], list[int]]) -> None:
    for distance in (distances.jensen_shannon_distance, distances.kolmogorov_smirnov, distances.hellinger):
        assert 0.0 <= distance(*pair) <= 1.0 + 1e-12
    assert distances.l_infinity(*pair) <= 1.0
    assert distances.psi(*pair) >= 0.0


def test_normed_wasserstein_does_not_depend_on_the_unit() -> None:
    """Metres or feet: the distance in reference standard deviations is the same."""
    a, b, values = [10, 30, 60], [30, 30, 40], np.array([1.0, 2.0, 4.0])
    in_feet = distances.normed_wasserstein(a, b, values * 3.28)
    assert distances.normed_wasserstein(a, b, values) == pytest.approx(in_feet)


def test_a_constant_reference_that_starts_to_vary_is_infinitely_far() -> None:
    assert distances.normed_wasserstein([10, 0], [5, 5], [0.0, 1.0]) == float("inf")
    assert distances.normed_wasserstein([10, 0], [7, 0], [0.0, 1.0]) == 0.0


def test_representatives_lie_inside_their_bins() -> None:
    edges = [0.0, 1.0, 3.0]
    assert distances.representatives(edges).tolist() == [-0.5, 0.5, 2.0, 4.0]
    assert distances.representatives([5.0]).tolist() == [4.5, 5.5]
    assert distances.representatives([]).tolist() == [0.0]


@pytest.mark.parametrize("pair", [([0, 0], [1, 1]), ([1, 1], [0, 0]), ([-1, 2], [1, 1]), ([1, 2], [1, 2, 3])])
def test_histograms_without_meaning_are_refused(pair: tuple[list[int], list[int]]) -> None:
    """An empty or misaligned histogram must not come out as a number."""
    with pytest.raises(ValueError, match="histogram"):
        distances.psi(*pair)


@given(st.lists(pairs, min_size=1, max_size=6))
def test_a_stack_of_histograms_has_the_distances_of_each(drawn: list[tuple[list[int], list[int]]]) -> None:
    """Twenty features are reckoned at once: none may get a figure that it has not alone."""
    width = min(len(pair[0]) for pair in drawn)
    kept = [[side[:width] for side in pair] for pair in drawn]
    then, now = (np.array([pair[side] for pair in kept]) for side in (0, 1))
    then[:, 0] += 1
    now[:, -1] += 1
    values = np.sort(np.random.default_rng(width).normal(size=(len(kept), width)), axis=-1)
    for distance in SYMMETRIC:
        assert distance(then, now) == pytest.approx([distance(*row) for row in zip(then, now, strict=True)])
    for of_values in (distances.wasserstein, distances.normed_wasserstein):
        each = [of_values(*row) for row in zip(then, now, values, strict=True)]
        assert of_values(then, now, values) == pytest.approx(each)
    tests = [distances.chi2(*row) for row in zip(then, now, strict=True)]
    assert distances.chi2(then, now).statistic == pytest.approx([t.statistic for t in tests])
    assert distances.chi2(then, now).p_value == pytest.approx([t.p_value for t in tests])
