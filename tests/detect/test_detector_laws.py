"""The laws of a detector: every judge of the table keeps them, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import drift
from detectors.answer_endings import ENDINGS
from detectors.finding import Finding
from detectors.histogram_alternatives import STEP, falls, log_weights, smoothed
from detectors.judges import JUDGES, TOGETHER
from detectors.parameters import Parameters
from detectors.references import FeatureBins
from pipeline import judge as ticking
from pipeline.store import Store
from tests.detect import judged
from tests.detect.judged import END, reference, subject
from tests.examples import examples

P = Parameters()
LONG = 400
CHANGED = 60
OBJECTIVES = ("latency_objective", "time_to_first_token_objective", "time_per_output_token_objective")
MAKE = (
    {"accuracy": judged.labelled}
    | dict.fromkeys(OBJECTIVES, judged.timed)
    | dict.fromkeys(ENDINGS, judged.ended)
)
RATES = (
    {"accuracy": (0.1, 0.3, 0.02)}
    | dict.fromkeys(OBJECTIVES, (0.01, 0.2, 0.0))
    | dict.fromkeys(ENDINGS, (0.05, 0.3, 0.0))
)
"""Share of hits: as the reference allows, harmful, better."""


def rates(detector: str, before: float, after: float, end: datetime = END) -> pa.Table:
    share = np.r_[np.full(LONG, before), np.full(CHANGED, after)]
    count = np.full(len(share), 50)
    hits = np.random.default_rng(0).binomial(count, share)
    return MAKE[detector](hits, count, end)


def features(shift: float, end: datetime = END) -> pa.Table:
    values = np.random.default_rng(0).normal(0, 1, (LONG + CHANGED, 50))
    values[LONG:] += shift
    counts = np.zeros((LONG + CHANGED, 12), dtype=np.int64)
    np.add.at(counts, (np.arange(LONG + CHANGED)[:, None], np.searchsorted(judged.EDGES, values)), 1)
    return judged.features({"amount": counts}, end)


def scored(right: float, end: datetime = END) -> pa.Table:
    """As `estimate_minutes` gives it: 25 labels a minute of predictions that said 0.9."""
    hits = np.random.default_rng(0).binomial(25, right, CHANGED)
    minute = judged.times(CHANGED, end)
    same = {"told": minute, "score": np.full(CHANGED, 0.9), "positive": np.ones(CHANGED, np.bool_)}
    parts = [
        pa.table({"minute": minute, "right": np.full(CHANGED, value), "count": count, **same})
        for value, count in ((1, hits), (0, 25 - hits))
    ]
    return pa.concat_tables(parts).sort_by("minute")


def evaluated(shift: int, end: datetime = END) -> pa.Table:
    """Scores of an evaluator that the reference knows; the last hour `shift` tenths lower, or higher."""
    tenths = np.random.default_rng(0).binomial(9, 0.7, (LONG + CHANGED, 50))
    tenths[LONG:] = np.clip(tenths[LONG:] - shift, 0, 9)
    counts = np.zeros((LONG + CHANGED, 12), dtype=np.int64)
    np.add.at(counts, (np.arange(LONG + CHANGED)[:, None], tenths), 1)
    return judged.features({"helpful/v1": counts}, end)


def parted(app: float, end: datetime = END) -> pa.Table:
    """In the last hour the app errs so often; the web as ever."""
    share = {"app": np.r_[np.full(LONG, 0.05), np.full(CHANGED, app)], "web": np.full(LONG + CHANGED, 0.17)}
    count, rng = np.full(LONG + CHANGED, 25), np.random.default_rng(0)
    return judged.parted({name: rng.binomial(count, of) for name, of in share.items()}, count, end)


def beside(before: float, after: float, end: datetime = END) -> pa.Table:
    """A canary beside a stable version that errs as often as ever, in good minutes and bad ones."""
    rng, common = np.random.default_rng(0), np.where(np.arange(LONG + CHANGED) % 100 < 20, 0.3, 0.0)
    count = np.full(LONG + CHANGED, 50)
    share = np.r_[np.full(LONG, before), np.full(CHANGED, after)]
    errors, stable = rng.binomial(count, share + common), rng.binomial(count, 0.1 + common)
    made = {"minute": judged.times(LONG + CHANGED, end), "stable": ["1"] * len(count), "errors": errors}
    return pa.table({**made, "count": count, "stable_errors": stable, "stable_count": count})


def quiet(detector: str, end: datetime = END) -> pa.Table:
    if detector == "canary":
        return beside(0.1, 0.1, end)
    if detector == "segment_accuracy":
        return parted(0.05, end)
    if detector == "evaluation":
        return evaluated(0, end)
    if detector == "estimate":
        return scored(0.9, end)
    return features(0.0, end) if detector == "drift" else rates(detector, *(RATES[detector][0],) * 2, end)


def harmed(detector: str, end: datetime = END) -> pa.Table:
    if detector == "canary":
        return beside(0.1, 0.3, end)
    if detector == "segment_accuracy":
        return parted(0.3, end)
    if detector == "evaluation":
        return evaluated(3, end)
    if detector == "estimate":
        return scored(0.5, end)
    return features(1.0, end) if detector == "drift" else rates(detector, *RATES[detector][:2], end)


def verdict(detector: str, minutes: pa.Table) -> Finding:
    return JUDGES[detector](minutes, subject(reference(**judged.EVERYTHING)), P)


def test_every_detector_can_be_read_from_the_ledger(tmp_path: Path) -> None:
    """One in one table only would never be asked."""
    with Store.open(tmp_path) as store:
        start = END - timedelta(days=1)
        read, _ = ticking._read(store, {}, dict.fromkeys(JUDGES, start), start, END, None)
    assert JUDGES.keys() == read.keys() | {drift.NAME}


@pytest.mark.parametrize("detector", JUDGES)
def test_harm_is_told_and_quiet_is_not(detector: str) -> None:
    assert verdict(detector, quiet(detector)).level == "ok"
    assert verdict(detector, harmed(detector)).level in ("warn", "act", "invalid")


@pytest.mark.parametrize("detector", JUDGES)
@given(seed=st.integers(0, 2**32 - 1), parts=st.integers(2, 4))
@settings(max_examples=examples(4))
def test_order_and_partial_rows_change_no_bit(detector: str, seed: int, parts: int) -> None:
    """Kafka's partitions, a replay and late data hand the same facts over in other pieces."""
    whole = harmed(detector)
    split = pa.concat_tables([_part(whole, i, parts) for i in range(parts)])
    places = np.random.default_rng(seed).permutation(split.num_rows)
    assert verdict(detector, split.take(pa.array(places))).to_json() == verdict(detector, whole).to_json()


def _part(whole: pa.Table, i: int, parts: int) -> pa.Table:
    """A share of every count; the shares sum to the whole."""
    counted = [
        n
        for n in whole.column_names
        if n in ("count", "errors", "over", "endings", "predictions") or "stable_" in n
    ]
    for name in counted:
        value = whole.column(name).to_numpy()
        whole = whole.set_column(
            whole.column_names.index(name), name, pa.array(value // parts + (i < value % parts))
        )
    return whole


@pytest.mark.parametrize("detector", JUDGES)
def test_a_restart_and_a_second_look_say_the_same(detector: str) -> None:
    """A judge keeps nothing between ticks, so nothing can be lost between them."""
    minutes = harmed(detector)
    first = verdict(detector, minutes)
    verdict(detector, quiet(detector))
    assert verdict(detector, minutes).to_json() == first.to_json()
    assert Finding.from_json(first.to_json()) == first


@pytest.mark.parametrize("detector", JUDGES)
def test_nothing_known_is_never_a_verdict(detector: str) -> None:
    """No reference, no data, too little of it, or old: each says so, and none is ok."""
    minutes, old = harmed(detector), END - timedelta(minutes=P.stale_minutes + 1)
    assert JUDGES[detector](minutes, subject(None), P).level == "no_reference"
    assert verdict(detector, minutes.slice(0, 0)).level == "not_enough_data"
    newest = minutes.slice(minutes.num_rows - 1)
    assert verdict(detector, newest).level == "not_enough_data"
    # Labels of the newest minutes are not there yet, so what rests on labels alone cannot tell what is old.
    says = {"estimate": "invalid", "evaluation": "warn"}.get(detector, "stale")
    assert verdict(detector, harmed(detector, old)).level == says


@pytest.mark.parametrize("detector", TOGETHER)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(4))
def test_many_versions_side_by_side_are_judged_as_each_alone(detector: str, seed: int) -> None:
    """Quiet ones and harmed ones, in minutes of their own; one too small, one stale, one unknown."""
    rng, known = np.random.default_rng(seed), reference(**judged.EVERYTHING)
    whole = [
        quiet(detector),
        harmed(detector),
        harmed(detector, END - timedelta(minutes=7)),
        harmed(detector),
    ]
    parts = [of.filter(pa.array(rng.random(of.num_rows) < 0.8)) for of in whole]
    parts += [
        whole[0].slice(0, 0),
        whole[0].slice(LONG + CHANGED - 1),
        harmed(detector, END - timedelta(days=1)),
    ]
    asked = [(of, subject(known)) for of in parts] + [(whole[0], subject(None))]
    together = [one.to_json() for one in TOGETHER[detector](asked, P)]
    assert together == [JUDGES[detector](*one, P).to_json() for one in asked]


def missing(before: int, after: int) -> pa.Table:
    """A feature of 100 values a minute, of which so many are missing, in the last hour as `after` says."""
    counts = np.zeros((LONG + CHANGED, 12), dtype=np.int64)
    for rows, absent in ((slice(0, LONG), before), (slice(LONG, None), after)):
        counts[rows, :10], counts[rows, 10] = (100 - absent) // 10, absent
    return judged.features({"amount": counts})


def better(detector: str) -> pa.Table:
    if detector == "canary":
        return beside(0.1, 0.02)
    if detector == "segment_accuracy":
        return parted(0.0)
    if detector == "evaluation":
        return evaluated(-2)
    if detector == "estimate":
        return scored(0.91)
    return missing(50, 0) if detector == "drift" else rates(detector, RATES[detector][0], RATES[detector][2])


@pytest.mark.parametrize("detector", JUDGES)
def test_an_improvement_is_never_harm(detector: str) -> None:
    """Fewer errors, higher scores, values that are no longer missing: nobody is woken for them."""
    gaps = replace(judged.numeric("amount"), counts=(500,) * 10, missing=5_000)
    known = reference(**judged.EVERYTHING | {"features": (gaps, *judged.ENDED)})
    assert JUDGES[detector](better(detector), subject(known), P).level == "ok"


def test_only_drift_has_no_direction_and_it_never_acts() -> None:
    """A shift up may be as good as one down, so inputs warn and no more; an estimate too low is wrong too."""
    assert verdict("drift", features(3.0)).level == verdict("drift", features(-3.0)).level == "warn"
    assert verdict("estimate", scored(1.0)).level == "invalid"


@given(counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=10), rho=st.floats(0, 1))
@settings(max_examples=examples(20))
def test_no_distribution_of_better_scores_is_evidence(counts: list[int], rho: float) -> None:
    """What a score says falls with the score, so wherever scores move up, all that was said falls."""
    edges = tuple(float(e) for e in range(len(counts) - 1))
    weights = log_weights(FeatureBins("judge/v1", edges, None, tuple(counts), 0, 0, 1.0), rho, falls)
    assert (np.diff(weights[:, : len(counts)], axis=1) <= 0).all()
    assert np.abs(weights[:, len(counts) :]).max(initial=0.0) <= STEP


@given(counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=10), absent=st.integers(0, 20_000))
@settings(max_examples=examples(20))
def test_values_that_are_there_again_are_no_drift(counts: list[int], absent: int) -> None:
    """However few are missing now: the others' mean ratio is at most 1, if their mix is the same."""
    edges = tuple(float(e) for e in range(len(counts) - 1))
    known = FeatureBins("x", edges, None, tuple(counts), absent, 0, 1.0)
    shares = smoothed(known)[: len(counts)]
    gains = np.exp(log_weights(known, P.drift_rho)[:, : len(counts)]) @ (shares / shares.sum())
    assert gains.max() <= 1 + 1e-9
