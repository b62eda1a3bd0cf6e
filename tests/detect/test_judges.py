"""Each judge says act only for proven harm, warns of drift and no more, and says why when it cannot judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import accuracy, answer_endings, drift, latency_objective
from detectors.answer_endings import ENDINGS
from detectors.canary_pairs import paired
from detectors.finding import Finding
from detectors.judges import JUDGES
from detectors.parameters import Parameters
from detectors.references import FeatureBins
from pipeline.facts.models import UNSEEN_BIN
from tests.detect import judged
from tests.detect.judged import EDGES, END, labelled, reference, subject, timed, times
from tests.examples import examples

P = Parameters()


def errors(rate: float, minutes: int, per_minute: int = 50, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    count = np.full(minutes, per_minute)
    return np.random.default_rng(seed).binomial(count, rate), count


def after_a_good_day(rate: float, bad_minutes: int) -> pa.Table:
    good, bad = errors(0.1, 1_440), errors(rate, bad_minutes, seed=1)
    return labelled(np.r_[good[0], bad[0]], np.r_[good[1], bad[1]])


def test_a_worse_version_is_acted_on_with_numbers_that_a_person_can_check() -> None:
    """10 % errors become 20 %: level act, the minute it began, and rate against tolerated rate."""
    found = accuracy.judge(after_a_good_day(0.2, 120), subject(reference()), P)
    assert found.level == "act"
    assert found.log_evidence >= found.log_act
    assert found.since is not None
    assert timedelta(minutes=105) <= END - found.since <= timedelta(minutes=120)
    assert found.evidence["rate"] > 0.1
    assert found.evidence["bound"] == pytest.approx(0.117, abs=0.001)
    assert found.count == 50 * 1_560


def test_a_healthy_version_is_ok() -> None:
    found = accuracy.judge(labelled(*errors(0.1, 3_000)), subject(reference()), P)
    assert (found.level, found.since) == ("ok", None)


def test_an_improvement_never_alarms() -> None:
    """A better version, or no errors at all, must never be rolled back."""
    for rate in (0.0, 0.02, 0.09):
        found = accuracy.judge(labelled(*errors(rate, 3_000)), subject(reference()), P)
        assert found.level == "ok"
        assert found.log_evidence < found.log_warn


def test_harm_within_the_tolerance_is_accepted() -> None:
    found = accuracy.judge(labelled(*errors(0.11, 5_000)), subject(reference()), P)
    assert found.level == "ok"


def test_phi_of_the_reference_slows_the_verdict() -> None:
    """The same counts weigh less where errors are known to come in clusters."""
    minutes = after_a_good_day(0.2, 20)
    plain = accuracy.judge(minutes, subject(reference()), P)
    clustered = accuracy.judge(minutes, subject(reference(phi_errors=8.0)), P)
    assert plain.level == "act"
    assert clustered.level != "act"


def test_too_few_labels_are_not_a_verdict() -> None:
    """Ten wrong answers of ten say nothing yet."""
    found = accuracy.judge(labelled(np.array([10]), np.array([10])), subject(reference()), P)
    assert found.level == "not_enough_data"


@pytest.mark.parametrize("detector", list(JUDGES))
def test_no_data_is_not_a_verdict(detector: str) -> None:
    """A broken feed must never roll anything back."""
    empty = {
        "accuracy": labelled(np.zeros(0, "i8"), np.zeros(0, "i8")),
        **dict.fromkeys(latency_objective.NAMES.values(), timed(np.zeros(0, "i8"), np.zeros(0, "i8"))),
        **dict.fromkeys(ENDINGS, judged.ended(np.zeros(0, "i8"), np.zeros(0, "i8"))),
        "drift": judged.features({"amount": np.zeros((0, 12), "i8")}),
        "evaluation": judged.features({"helpful/v1": np.zeros((0, 12), "i8")}),
        "segment_accuracy": judged.parted({"app": np.zeros(0, "i8")}, np.zeros(0, "i8")),
        "estimate": pa.table({"count": pa.array([], pa.int64())}),
        "canary": pa.table({"count": pa.array([], pa.int64())}),
    }[detector]
    found = JUDGES[detector](empty, subject(reference(**judged.EVERYTHING)), P)
    assert found.level == "not_enough_data"
    assert found.log_evidence == 0.0


@pytest.mark.parametrize("detector", list(JUDGES))
def test_without_a_reference_nothing_is_judged(detector: str) -> None:
    found = JUDGES[detector](pa.table({}), subject(None), P)
    assert found.level == "no_reference"


def test_a_reference_without_labels_objective_or_features_judges_nothing() -> None:
    bare = reference(labelled=0, errors=0, latency_objective_seconds=None, features=(), score_counts=())
    assert {JUDGES[name](pa.table({}), subject(bare), P).level for name in JUDGES} == {"no_reference"}


def test_harm_of_a_version_that_no_longer_serves_is_stale() -> None:
    """A version without traffic cannot be rolled back from."""
    hits, count = errors(0.5, 300)
    old = END - timedelta(minutes=P.stale_minutes + 1)
    assert accuracy.judge(labelled(hits, count, old), subject(reference()), P).level == "stale"
    assert latency_objective.judge(timed(hits, count, old), subject(reference()), P).level == "stale"
    shifted = histogram(300, 2.0, end=old)
    assert drift.judge(shifted, subject(reference()), P).level == "stale"


def test_a_reference_that_refused_nothing_still_tells_a_refusal() -> None:
    """Its only answer was `no`: any other is unseen.  Which one was cut off it cannot tell."""
    polite = replace(judged.ENDED[1], categories=("no",), counts=(10_000,))
    reasons = replace(judged.ENDED[0], categories=("stop",), counts=(10_000,))
    known = reference(features=(reasons, polite))
    told = answer_endings.known(known, "refusal_rate")
    assert told is not None and (told.bins, told.endings, told.answers) == ((UNSEEN_BIN,), 0, 10_000)
    assert answer_endings.known(known, "cut_off_rate") is None
    found = JUDGES["refusal_rate"](judged.ended(*errors(0.05, 240)), subject(known), P)
    assert found.level == "act" and found.evidence["reference_rate"] == 0.0


@pytest.mark.parametrize("words", [("0", "1"), ("none", "policy")])
def test_a_reference_that_names_refusals_otherwise_cannot_tell_them(words: tuple[str, str]) -> None:
    """It would be `ok` for ever: every refusal is in a bin that counts as an answer."""
    odd = replace(judged.ENDED[1], categories=words)
    assert answer_endings.known(reference(features=(odd,)), "refusal_rate") is None


def test_late_labels_of_live_traffic_are_judged() -> None:
    """Labels two hours late: the newest minutes have none, the version is alive, the harm counts."""
    hits, count = errors(0.3, 400)
    hits[-120:], count[-120:] = 0, 0
    found = accuracy.judge(labelled(hits, count), subject(reference()), P)
    assert found.level == "act"


def test_minutes_without_labels_add_no_evidence() -> None:
    """M grows by one in each minute: silence must not become an alarm after a month."""
    hits, count = errors(0.1, 600)
    spread_hits, spread_count = np.zeros(600 * 20, "i8"), np.zeros(600 * 20, "i8")
    spread_hits[::20], spread_count[::20] = hits, count
    dense = accuracy.judge(labelled(hits, count), subject(reference()), P)
    sparse = accuracy.judge(labelled(spread_hits, spread_count), subject(reference()), P)
    assert sparse.log_evidence == dense.log_evidence


@given(st.permutations(list(range(40))))
@settings(max_examples=examples(25))
def test_the_order_of_rows_changes_no_bit(order: list[int]) -> None:
    minutes = labelled(*errors(0.2, 40, per_minute=10))
    found = accuracy.judge(minutes.take(pa.array(order)), subject(reference()), P)
    assert found.to_json() == accuracy.judge(minutes, subject(reference()), P).to_json()


def test_latency_over_budget_is_acted_on_and_within_it_is_not() -> None:
    """Budget 1 %: 5 % over the objective is harm, half of the budget is not."""
    slow = latency_objective.judge(timed(*errors(0.05, 240)), subject(reference()), P)
    fine = latency_objective.judge(timed(*errors(0.005, 3_000)), subject(reference()), P)
    assert (slow.level, fine.level) == ("act", "ok")
    assert slow.evidence["objective_seconds"] == 0.5


def test_a_canary_is_held_against_the_version_that_serves_beside_it() -> None:
    """Not against one that has left, nor one that came after: those have other minutes, or another story."""
    count = np.full(30, 50)
    gone = labelled(count // 10, count, END - timedelta(minutes=60))
    stable = labelled(np.r_[count, count] // 10, np.r_[count, count])
    canary = labelled(count * 3 // 10, count)
    few = labelled(count[:30] // 50, count[:30] // 10)
    minutes = {("m", "1"): gone, ("m", "2"): stable, ("m", "3"): canary, ("m", "4"): few.slice(5)}
    found = paired({**minutes, ("other", "1"): canary})
    assert {version: rows["stable"][0].as_py() for version, rows in found.items()} == {
        ("m", "3"): "2",
        ("m", "4"): "2",
    }
    assert found["m", "3"]["stable_count"].to_pylist() == [50] * 30
    assert JUDGES["canary"](found["m", "3"], subject(reference()), P).level == "act"
    halved = reference(phi_errors=20.0)
    assert JUDGES["canary"](found["m", "3"], subject(halved), P).level == "ok", "its errors come in clusters"


def test_a_canary_no_worse_than_its_neighbour_is_rarely_warned_of_however_the_day_goes() -> None:
    """40 days on which both err from 5 to 35 %, from minute to minute: at most T / c of them may warn."""
    rng, day = np.random.default_rng(0), 1_440
    levels = []
    for _ in range(40):
        rate, count = rng.uniform(0.05, 0.35, day), np.full(day, 20)
        made = {"minute": times(day), "stable": ["1"] * day, "count": count, "stable_count": count * 2}
        errors, stable_errors = rng.binomial(count, rate), rng.binomial(count * 2, rate)
        minutes = pa.table({**made, "errors": errors, "stable_errors": stable_errors})
        levels.append(JUDGES["canary"](minutes, subject(reference()), P).level)
    assert levels.count("act") == 0
    assert levels.count("warn") <= 40 * day / P.warn_minutes


def test_slow_requests_that_come_in_bursts_say_less_of_the_objective() -> None:
    """As the reference has them: with less, a version that is as it ever was would be rolled back."""
    minutes = timed(*errors(0.05, 12))
    plain = latency_objective.judge(minutes, subject(reference()), P)
    bursts = latency_objective.judge(minutes, subject(reference(phi_over=20.0)), P)
    assert (plain.evidence["phi"], bursts.evidence["phi"]) == (P.latency_phi, 20.0)
    assert plain.log_evidence > bursts.log_evidence


@pytest.mark.parametrize("budget", [0.0, 1.0])
def test_a_budget_of_nothing_or_everything_has_a_finite_verdict(budget: float) -> None:
    """The finding must be writable as JSON, whatever the budget says."""
    found = latency_objective.judge(timed(*errors(0.05, 240)), subject(reference(latency_budget=budget)), P)
    assert Finding.from_json(found.to_json()) == found
    assert found.level == ("act" if budget == 0.0 else "ok")


def normal_counts(minutes: int, shift: float, per_minute: int = 100, seed: int = 0) -> np.ndarray:
    """(T, 12): normal values in the deciles of the standard normal; none missing, none unseen."""
    values = np.random.default_rng(seed).normal(shift, 1.0, (minutes, per_minute))
    bins = np.searchsorted(EDGES, values)
    counts = np.zeros((minutes, 12), dtype=np.int64)
    np.add.at(counts, (np.arange(minutes)[:, None], bins), 1)
    return counts


def channel_counts(minutes: int, seed: int = 0) -> np.ndarray:
    return category_counts(minutes, (0.5, 0.3, 0.2), seed)


def category_counts(minutes: int, shares: tuple[float, ...] | np.ndarray, seed: int) -> np.ndarray:
    """(T, 5): three categories, none missing, none unseen."""
    drawn = np.random.default_rng(seed).multinomial(100, shares, minutes)
    return np.hstack([drawn, np.zeros((minutes, 2), dtype=np.int64)])


def histogram(minutes: int, shift: float, end: datetime = END) -> pa.Table:
    return judged.features({"amount": normal_counts(minutes, shift), "channel": channel_counts(minutes)}, end)


def test_drift_warns_and_names_the_feature_but_never_acts() -> None:
    """However large the shift: inputs may change without any harm."""
    found = drift.judge(histogram(600, 3.0), subject(reference(), 1_440), P)
    assert found.level == "warn"
    assert found.evidence["culprits"] == "amount"
    assert found.log_evidence >= found.log_warn


def test_unchanged_features_are_ok() -> None:
    found = drift.judge(histogram(1_440, 0.0), subject(reference(), 1_440), P)
    assert (found.level, found.evidence["culprits"]) == ("ok", "")
    assert found.count == 144_000


@pytest.mark.parametrize(("shift", "slowest"), [(0.2, 60), (0.5, 6), (1.0, 3)])
def test_a_shift_is_seen_as_soon_as_documented(shift: float, slowest: int) -> None:
    """Minutes of 100 events after the change, at the default tolerance."""
    counts = np.vstack([normal_counts(240, 0.0), normal_counts(slowest, shift, seed=1)])
    known = reference(features=(judged.numeric("amount"),))
    found = drift.judge(judged.features({"amount": counts}), subject(known, 1_440), P)
    assert found.level == "warn"
    assert found.since is not None
    assert found.since >= END - timedelta(minutes=slowest)


def test_values_that_go_missing_are_drift() -> None:
    """The usual accident: an upstream column turns empty."""
    counts = normal_counts(300, 0.0)
    counts[-60:, :10] //= 2
    counts[-60:, 10] = 100 - counts[-60:, :10].sum(axis=1)
    found = drift.judge(judged.features({"amount": counts}), subject(reference(), 1_440), P)
    assert (found.level, found.evidence["culprits"]) == ("warn", "amount")


def test_a_category_that_vanishes_is_drift() -> None:
    """A channel of 4 % that stops sending: its mass goes to all others, so none of them stands out."""
    feature = FeatureBins("channel", None, ("a", "b", "c"), (6_000, 3_600, 400), 0, 0, 1.0)
    drawn = [category_counts(300, (0.6, 0.36, 0.04), 0), category_counts(60, (0.625, 0.375, 0), 1)]
    known = subject(reference(features=(feature,)), 1_440)
    found = drift.judge(judged.features({"channel": np.vstack(drawn)}), known, P)
    assert (found.level, found.evidence["culprits"]) == ("warn", "channel")
    assert found.since is not None
    assert found.since >= END - timedelta(minutes=60)


def test_drift_needs_enough_events() -> None:
    few = drift.judge(judged.features({"amount": normal_counts(4, 3.0)}), subject(reference(), 1_440), P)
    assert few.level == "not_enough_data"


def test_features_that_the_reference_does_not_know_are_left_out() -> None:
    extra = pa.concat_tables([histogram(600, 0.0), judged.features({"new": normal_counts(600, 5.0)})])
    found = drift.judge(extra, subject(reference(), 1_440), P)
    assert (found.level, found.evidence["features"]) == ("ok", 2)


def test_a_finding_survives_its_canonical_json() -> None:
    """`explain` compares texts: one value, one text."""
    found = accuracy.judge(after_a_good_day(0.2, 120), subject(reference()), P)
    assert Finding.from_json(found.to_json()) == found
    assert Finding.from_json(found.to_json()).to_json() == found.to_json()
    assert '"end":"2026-11-24T12:00:00.000000Z"' in found.to_json()


def test_culprits_follow_e_bh() -> None:
    """The largest k with e_(k) >= F c / k, strongest first."""
    names, log_bar = ["a", "b", "c", "d"], 5.0
    log_evidence = np.array([1.0, 5.0 + np.log(2), 7.0, -np.inf])
    assert drift.culprits(names, log_evidence, log_bar) == ("c", "b")
    assert drift.culprits(names, np.full(4, 4.9), log_bar) == ()
