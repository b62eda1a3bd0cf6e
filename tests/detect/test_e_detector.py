"""The e-detector keeps its promises: a stated false-alarm rate, quick detection, no alarm on improvement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from detectors import e_detector, histogram_alternatives, rate_ratios
from detectors.references import FeatureBins
from tests.examples import examples

LOG_WARN, LOG_ACT = float(np.log(43_200)), float(np.log(1.3e7))
K = len(rate_ratios.GRID)
WEEK = 10_080

Ints = npt.NDArray[np.int64]


def evidence(count: Ints, hits: Ints, bound: float, phi: float = 1.0) -> npt.NDArray[np.float64]:
    ratios = rate_ratios.log_ratios(count, hits, bound, phi)
    return e_detector.log_mean(e_detector.run(ratios, e_detector.fresh(K), LOG_ACT + np.log(K)).evidence)


def errors(rates: npt.NDArray[np.float64], per_minute: int, seed: int) -> tuple[Ints, Ints]:
    count = np.full(len(rates), per_minute)
    return count, np.random.default_rng(seed).binomial(per_minute, rates)


def feature(size: int = 10_000, bins: int = 10, phi: float = 1.0) -> FeatureBins:
    edges = tuple(float(e) for e in range(bins - 1))
    return FeatureBins("x", edges, None, (size // bins,) * bins, 0, 0, phi)


def test_a_stream_at_the_tolerated_rate_is_never_acted_on_and_rarely_warned_of() -> None:
    """The worst stream that is still fine, 40 weeks: at most T / c of them may warn, none may act."""
    weeks = [evidence(*errors(np.full(WEEK, 0.1), 20, seed), bound=0.1) for seed in range(40)]
    peaks = np.array([w.max() for w in weeks])
    assert (peaks < LOG_ACT).all()
    assert np.mean(peaks >= LOG_WARN) <= WEEK / 43_200


def test_the_mean_of_the_evidence_grows_no_faster_than_time() -> None:
    """E[M_t] <= t under the null is what the guarantee follows from; heavy-tailed, so over many streams."""
    streams = [evidence(*errors(np.full(60, 0.1), 20, 1_000 + seed), bound=0.1) for seed in range(2_000)]
    assert float(np.mean(np.exp([s[-1] for s in streams]))) <= 60 * 1.2


@pytest.mark.parametrize(("rate", "slowest"), [(0.12, 400), (0.15, 30), (0.20, 8), (0.30, 4)])
def test_detection_delays_are_those_that_the_documentation_states(rate: float, slowest: int) -> None:
    """Error rate 10 % -> rate after a clean day, tolerance 1 %, 100 predictions a minute: median minutes."""
    rates = np.r_[np.full(1_440, 0.1), np.full(1_440, rate)]
    delays = []
    for seed in range(9):
        found = evidence(*errors(rates, 100, seed), bound=0.11)
        assert found[:1_440].max() < LOG_WARN
        delays.append(int(np.argmax(found[1_440:] >= LOG_WARN)) + 1)
    assert 1 <= np.median(delays) <= slowest


minutes_below = st.lists(st.tuples(st.integers(0, 1_000), st.floats(0, 1)), min_size=1, max_size=300)


@given(minutes_below, st.floats(0.01, 0.9))
@settings(max_examples=examples(50))
def test_fewer_errors_than_tolerated_never_count_as_evidence(
    minutes: list[tuple[int, float]], bound: float
) -> None:
    """An improvement must never roll anything back: at or below the bound a minute adds at most 1 to M."""
    count = np.array([n for n, _ in minutes])
    hits = np.array([int(n * bound * share) for n, share in minutes])
    assert evidence(count, hits, bound).max() <= np.log(len(minutes)) + 1e-9


def test_an_improvement_does_not_hide_the_harm_that_follows() -> None:
    """Shiryaev-Roberts forgets the good past: a good month must not make it blind."""
    rates = np.r_[np.full(5_000, 0.01), np.full(60, 0.3)]
    assert evidence(*errors(rates, 100, 0), bound=0.11)[5_003] >= LOG_ACT


def test_clustered_errors_alarm_without_phi_and_do_not_with_it() -> None:
    """Every event five times is not five times the evidence: it must not roll a healthy model back."""
    weeks = [errors(np.full(WEEK, 0.1), 20, seed) for seed in range(5)]
    naive = [evidence(5 * n, 5 * k, bound=0.1).max() for n, k in weeks]
    corrected = [evidence(5 * n, 5 * k, bound=0.1, phi=5.0).max() for n, k in weeks]
    assert min(naive) >= LOG_ACT
    assert max(corrected) < LOG_ACT


def test_repetition_that_phi_knows_is_never_more_evidence_than_the_events_themselves() -> None:
    count, hits = errors(np.full(500, 0.2), 20, 3)
    once, five = (rate_ratios.log_ratios(f * count, f * hits, 0.1, float(f)) for f in (1, 5))
    assert (five <= once + 1e-9).all()


@pytest.mark.parametrize("phi", [2.0, 5.0, 20.0])
@pytest.mark.parametrize("tolerated", [0.01, 0.1, 0.5])
def test_a_wavering_rate_gains_nothing_whatever_its_tail(phi: float, tolerated: float) -> None:
    """Real error rates waver; with the power 1 / phi alone one week in three warned of nothing."""
    count = np.arange(101)
    spread = (100 - phi) / (phi - 1)
    chance = betabinom(100, tolerated * spread, (1 - tolerated) * spread).pmf(count)
    ratios = rate_ratios.log_ratios(np.full(101, 100), count, tolerated, phi)
    assert (chance @ np.exp(ratios)).max() <= 1 + 1e-6


@given(st.integers(0, 400), st.integers(0, 2**32 - 1))
@settings(max_examples=examples(30))
def test_a_run_continued_from_its_state_gives_the_same_bits(cut: int, seed: int) -> None:
    """A restart of the judge must not change a single verdict."""
    rng = np.random.default_rng(seed)
    ratios = rng.normal(0, 2, (400, K))
    active = rng.random((400, K)) < 0.9
    whole = e_detector.run(ratios, e_detector.fresh(K), 20.0, active)
    first = e_detector.run(ratios[:cut], e_detector.fresh(K), 20.0, active[:cut])
    second = e_detector.run(ratios[cut:], first.state, 20.0, active[cut:])
    assert np.concatenate([first.evidence, second.evidence]).tobytes() == whole.evidence.tobytes()
    assert second.state.tobytes() == whole.state.tobytes()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=examples(30))
def test_the_log_recursion_is_the_plain_one(seed: int) -> None:
    """M <- (M + 1) L, written out in plain numbers."""
    ratios = np.random.default_rng(seed).normal(-0.1, 0.5, (50, 3))
    plain, rows = np.zeros(3), []
    for row in ratios:
        plain = (plain + 1) * np.exp(row)
        rows.append(plain)
    found = e_detector.run(ratios, e_detector.fresh(3), 1e9).evidence
    np.testing.assert_allclose(found, rows, rtol=1e-9)
    np.testing.assert_allclose(np.exp(e_detector.log_mean(found)), np.mean(rows, axis=1), rtol=1e-9)


def test_a_closed_form_over_all_starts_gives_the_same_evidence() -> None:
    """ln M_t = S_t + ln sum_{s<=t} exp(-S_{s-1}): the sum over every possible minute of change."""
    ratios = np.random.default_rng(4).normal(0, 1, (300, 2))
    total = np.cumsum(ratios, axis=0)
    before = np.vstack([np.zeros(2), total[:-1]])
    closed = total + np.logaddexp.accumulate(-before, axis=0)
    found = e_detector.run(ratios, e_detector.fresh(2), 1e9).evidence
    np.testing.assert_allclose(np.log(found), closed, rtol=1e-9, atol=1e-9)


def test_evidence_falls_soon_after_the_harm_ends() -> None:
    """An hour of broken input must not keep a healthy model at act for a day."""
    rates = np.r_[np.full(60, 0.5), np.full(300, 0.1)]
    found = evidence(*errors(rates, 100, 5), bound=0.11)
    assert found[59] >= LOG_ACT
    assert found[-1] < LOG_WARN


def test_groups_of_columns_average_within_themselves() -> None:
    values = np.array([[1.0, 3.0, 10.0, 20.0, 30.0]])
    found = np.exp(e_detector.log_mean(values, np.array([0, 2])))
    np.testing.assert_allclose(found, [[2.0, 20.0]])


def test_one_culprit_alone_can_lift_the_mean_to_the_bar() -> None:
    """Saturation must not make one of many features unable to raise the alarm."""
    parts = np.zeros((1, 50))
    parts[0, 7] = np.exp(e_detector.ceiling(LOG_ACT, 50))
    assert LOG_ACT <= e_detector.log_mean(parts)[0] == pytest.approx(LOG_ACT)


def test_overwhelming_harm_and_overwhelming_health_are_numbers() -> None:
    """A million events a minute must not make evidence that no file can hold."""
    count = np.full(30, 10_000_000)
    assert LOG_ACT <= evidence(count, count, 0.01)[-1] < 30
    assert np.isfinite(evidence(count, count * 0, 0.5)).all()


def test_a_bound_that_changes_by_the_minute_is_the_mean_of_its_events() -> None:
    """Events that are each as likely wrong as tolerated, but differ, gain nothing: E L <= 1, enumerated."""
    tolerated = np.array([0.05, 0.3, 0.6])
    outcomes = np.array([[i >> j & 1 for j in range(3)] for i in range(8)])
    chances = np.prod(np.where(outcomes == 1, tolerated, 1 - tolerated), axis=1)
    ratios = rate_ratios.log_ratios(np.full(8, 3), outcomes.sum(axis=1), np.full(8, tolerated.mean()), 1.0)
    assert (chances @ np.exp(ratios)).max() <= 1 + 1e-12


def test_an_episode_starts_at_the_bar_and_survives_a_dip_above_calm() -> None:
    """`since` names the decision, so it must not jump when the evidence trembles around the bar."""
    log_evidence = np.array([0.0, 12, 17, 15, 17, 17])
    assert e_detector.first_of_last_episode(log_evidence, 16, 10) == 2
    assert e_detector.first_of_last_episode(np.array([17.0, 5, 12, 17]), 16, 10) == 3
    assert e_detector.first_of_last_episode(np.array([17.0, 5, 6]), 16, 10) is None
    assert e_detector.first_of_last_episode(np.array([17.0, 18]), 16, 10) == 0


def kl(q: npt.NDArray[np.float64], p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sum(q * np.log(q / p), axis=-1))


def test_ten_bins_have_the_documented_alternatives() -> None:
    """16 tilts, 20 larger bins, 20 smaller ones, 4 for new missing and unseen; lower: 4 tilts, 18 tails."""
    assert histogram_alternatives.alternatives(feature()).shape == (60, 12)
    assert histogram_alternatives.falls(feature()).shape == (22, 12)


bins_of_a_feature = st.builds(
    lambda counts, missing, unseen, numeric: FeatureBins(
        "x",
        tuple(map(float, range(len(counts) - 1))) if numeric else None,
        None if numeric else tuple(map(str, range(len(counts)))),
        tuple(counts), missing, unseen, 1.0,
    ),
    st.lists(st.integers(0, 5_000), min_size=1, max_size=20),
    st.integers(0, 100), st.integers(0, 100), st.booleans(),
)  # fmt: skip


@given(bins_of_a_feature, st.floats(1e-4, 0.1), st.integers(0, 2**32 - 1))
@settings(max_examples=examples(60))
def test_no_tolerated_histogram_gains_from_any_alternative(bins: FeatureBins, rho: float, seed: int) -> None:
    """E_p[theta / p*] <= 1 for every p within the tolerance: the heart of the false-alarm guarantee."""
    q = histogram_alternatives.smoothed(bins)
    within = histogram_alternatives.tolerance(bins, rho)
    rng = np.random.default_rng(seed)
    candidates = q * np.exp(rng.normal(0, rng.uniform(0, 0.5), (200, len(q))))
    candidates /= candidates.sum(axis=1, keepdims=True)
    tolerated = np.vstack([q, candidates[kl(q, candidates) <= within]])
    gains = tolerated @ np.exp(histogram_alternatives.log_weights(bins, rho)).T
    assert gains.max() <= 1 + 1e-6


@given(bins_of_a_feature, st.floats(1e-4, 0.1))
@settings(max_examples=examples(60))
def test_projections_lie_within_the_tolerance(bins: FeatureBins, rho: float) -> None:
    q = histogram_alternatives.smoothed(bins)
    projected = histogram_alternatives.project(histogram_alternatives.alternatives(bins), q, rho)
    np.testing.assert_allclose(projected.sum(axis=1), 1.0, rtol=1e-9)
    assert kl(q, projected).max() <= rho + 1e-9


def test_a_small_reference_widens_its_own_tolerance() -> None:
    """With 1,000 reference rows chance alone moves the shares: without this, 27 % false alarms a week."""
    small, large = feature(1_000), feature(1_000_000)
    assert histogram_alternatives.tolerance(small, 0.001) > 0.01
    assert histogram_alternatives.tolerance(large, 0.001) == 0.001
