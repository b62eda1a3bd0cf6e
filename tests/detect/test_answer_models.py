"""`driftledger models`: traffic, latency, accuracy and levels of each version are those of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import exponential
from detectors.intervals import wilson
from pipeline.answers.answer import Answer
from pipeline.answers.drift import drift
from pipeline.answers.models import models
from pipeline.answers.timeline import timeline
from pipeline.answers.window import Window
from pipeline.judge import judge, record
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.judged import reference
from tests.ledger import MINUTE, START, Life, write

SERVED = 60
HOUR = Window(START, START + timedelta(hours=1))
QUANTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99}


def by_version(answer: Answer) -> dict[str, dict[str, Any]]:
    return {row["model_version"]: row for row in named(answer)}


def named(answer: Answer) -> list[dict[str, Any]]:
    names = [c.name for c in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


@pytest.fixture(scope="module")
def life() -> Life:
    good = Life().serve("1", 0, SERVED, error=0.1)
    return good.serve("2", 30, SERVED - 30, error=0.4, seconds=2.0)


@pytest.fixture
def store(tmp_path: Path, life: Life) -> Iterator[Store]:
    with Store.open(tmp_path) as ledger:
        register(ledger, reference(), START.replace(tzinfo=UTC))
        write(ledger, **life.facts())
        yield ledger


def test_traffic_accuracy_and_coverage_are_counted(store: Store, life: Life) -> None:
    """Half of version 2's labels are missing: accuracy is of the labelled half and says so."""
    held = [row for row in life.labels if row["prediction_id"].startswith("2-")]
    with Store.open(store.location.folder / "half") as half:
        gone = {row["prediction_id"] for row in held[::2]}
        kept = [row for row in life.labels if row["prediction_id"] not in gone]
        write(half, **{**life.facts(), "labels": kept})
        found = by_version(models(half, HOUR))["2"]
    right = sum(row["label"] == "yes" for row in held[1::2])
    assert (found["requests"], found["labelled"], found["label_coverage"]) == (600, 300, 0.5)
    assert found["accuracy"] == right / 300
    assert (found["accuracy_low"], found["accuracy_high"]) == wilson(right, 300)


def test_latency_percentiles_are_within_the_stated_error(store: Store) -> None:
    """Version 2 answers in 2 s: every percentile is 2 s within 1.1 %."""
    found = by_version(models(store, HOUR))
    for version, seconds in (("1", 0.1), ("2", 2.0)):
        for name in ("latency_p50", "latency_p90", "latency_p95", "latency_p99"):
            assert found[version][name] == pytest.approx(seconds, rel=0.011)


def test_percentiles_are_those_of_the_histogram_and_near_those_of_the_values(tmp_path: Path) -> None:
    """SQL and the histogram's own quantile must agree to the last bit that matters, zero included."""
    values = np.r_[np.zeros(20), np.random.default_rng(0).lognormal(-2, 1.0, 4_980)]
    buckets, counts = np.unique(exponential.index(values), return_counts=True)
    key = {"model": "fraud", "model_version": "1", "minute": START}
    bins = [{**key, "metric": "latency", "scale": 5, "bucket": int(b), "count": int(n)}
            for b, n in zip(buckets, counts, strict=True)]  # fmt: skip
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[{**key, "count": 5_000}], latency_bins=bins)
        found = by_version(models(store, HOUR))["1"]
    for name, q in QUANTILES.items():
        assert found[name] == pytest.approx(exponential.quantile(buckets, counts, q), rel=1e-12)
        assert found[name] == pytest.approx(np.quantile(values, q), rel=0.02)


def test_histograms_of_two_scales_are_each_read_at_its_own(tmp_path: Path) -> None:
    """A source with fewer buckets must not break the percentiles of the rest."""
    key = {"model": "fraud", "model_version": "1", "minute": START, "metric": "latency"}
    bins = [{**key, "scale": s, "bucket": int(exponential.index(np.array([3.0]), s)[0]), "count": 10}
            for s in (3, 5)]  # fmt: skip
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[{**key, "count": 20}], latency_bins=bins)
        found = by_version(models(store, HOUR))["1"]
    assert found["latency_p50"] == pytest.approx(3.0, rel=0.044)
    assert found["latency_p99"] == pytest.approx(3.0, rel=0.044)
    assert 0.0109 < found["latency_error"] < 0.044


def test_estimated_accuracy_is_the_mean_calibrated_confidence(tmp_path: Path) -> None:
    key = {"model": "fraud", "model_version": "1", "minute": START}
    sums = {"count": 4, "estimated_count": 4, "estimated_correct": Decimal("3.100000000")}
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[{**key, **sums}])
        found = by_version(models(store, HOUR))["1"]
    assert found["estimated_accuracy"] == pytest.approx(0.775, rel=1e-12)
    interval = found["estimated_low"], found["estimated_high"]
    assert interval == pytest.approx((0.318451, 0.962109), abs=1e-6), "Wilson's, 95 %"
    assert found["estimated_precision"] is None, "of several classes no confusion is kept"
    assert (found["accuracy"], found["labelled"]) == (None, 0)


def test_the_expected_confusion_has_its_rates(tmp_path: Path) -> None:
    """A rare class: 98 % right is nothing to be glad of where half of what matters is missed."""
    cells = {"tp": "1.5", "fp": "0.5", "fn": "1.5", "tn": "96.5"}
    sums = {"count": 100, "estimated_count": 100, "estimated_correct": Decimal("98")}
    sums |= {f"estimated_{cell}": Decimal(n) for cell, n in cells.items()}
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[{"model": "fraud", "model_version": "1", "minute": START, **sums}])
        found = by_version(models(store, HOUR))["1"]
    rates = {"precision": 0.75, "recall": 0.5, "specificity": 96.5 / 97, "f1": 0.6}
    assert {name: found[f"estimated_{name}"] for name in rates} == pytest.approx(rates, rel=1e-12)


def test_what_is_unknown_is_none_and_never_zero(tmp_path: Path) -> None:
    """No latency, no labels, no estimate, no verdict: nobody must read them as perfect."""
    key = {"model": "fraud", "model_version": "1", "minute": START}
    with Store.open(tmp_path) as store:
        write(store, prediction_sums=[{**key, "count": 3}])
        answer = models(store, HOUR)
    found = by_version(answer)["1"]
    unknown = ("latency_p50", "latency_p99", "accuracy", "accuracy_low", "estimated_accuracy", "drift_level")
    assert [found[name] for name in unknown] == [None] * len(unknown)
    assert any("no reference is registered" in note for note in answer.notes)


def test_levels_are_the_newest_recorded_verdicts(store: Store) -> None:
    now = START + SERVED * MINUTE
    record(store, judge(store, now - 25 * MINUTE), store.snapshot(), now - 25 * MINUTE)
    record(store, judge(store, now), store.snapshot(), now)
    found = by_version(models(store, Window(START, now + MINUTE)))
    names = ("accuracy_level", "latency_level", "drift_level")
    assert [found["2"][n] for n in names] == ["act", "act", "ok"]
    assert [found["1"][n] for n in names] == ["ok", "ok", "ok"]


def test_only_the_window_counts_and_its_end_is_excluded(store: Store) -> None:
    found = by_version(models(store, Window(START, START + 30 * MINUTE)))
    assert list(found) == ["1"]
    assert found["1"]["requests"] == 600


def test_two_windows_add_up_to_their_union(store: Store) -> None:
    """A month is the sum of its days."""

    def total(a: int, b: int) -> int:
        answer = models(store, Window(START + a * MINUTE, START + b * MINUTE))
        return sum(row["requests"] for row in by_version(answer).values())

    assert total(0, 60) == total(0, 37) + total(37, 60) == 1_800


def test_the_answer_says_how_fresh_it_is(store: Store) -> None:
    assert models(store, HOUR).as_of == START + SERVED * MINUTE


def test_an_estimate_is_of_the_reference_in_use(store: Store, life: Life) -> None:
    """Registered anew amid the window: sums by another curve are another estimate, no part of this."""
    before = [{**r, "estimated_count": 20, "estimated_correct": Decimal(10)} for r in life.prediction_sums]
    since = [{**r, "reference": "fraud@2", "estimated_correct": Decimal(18)} for r in before]
    half = START + 45 * MINUTE
    sums = [*(r for r in before if r["minute"] < half), *(r for r in since if r["minute"] >= half)]
    with Store.open(store.location.folder / "anew") as anew:
        register(anew, reference(), START.replace(tzinfo=UTC))
        register(anew, reference(reference="fraud@2", errors=2_000), half.replace(tzinfo=UTC))
        said = [{**r, "score": 0.9} for r in life.predictions]
        few = life.labels[::2]
        write(anew, **{**life.facts(), "prediction_sums": sums, "predictions": said, "labels": few})
        found, drawn = by_version(models(anew, HOUR))["1"], timeline(anew, HOUR, points=4)
    assert (found["estimated_accuracy"], found["estimated_count"]) == (0.9, 15 * 20)
    mine = [row["estimated_accuracy"] for row in named(drawn) if row["model_version"] == "1"]
    assert mine == [None, None, None, 0.9]
    right = [r["label"] == "yes" for r in few if r["prediction_id"] in {p["prediction_id"] for p in said
             if p["model_version"] == "1" and p["time"] >= half}]  # fmt: skip
    assert found["powered_accuracy"] == pytest.approx(sum(right) / len(right))


def test_labels_of_easy_cases_are_weighted_by_score(tmp_path: Path) -> None:
    """Reviewers take the sure cases first: their labels are right more often than the model is."""
    rng = np.random.default_rng(0)
    edges = reference().score_edges
    score = np.concatenate(
        [(0.0, *edges)[b] + 0.01 + np.zeros(n) for b, n in enumerate((600, 600, 600, 600))]
    )
    right = rng.random(2_400) < np.repeat([0.5, 0.7, 0.8, 0.95], 600)
    labelled = rng.random(2_400) < np.repeat([0.05, 0.05, 0.2, 0.9], 600)
    key = {"model": "fraud", "model_version": "1"}
    ids = [{"model": "fraud", "prediction_id": str(i)} for i in range(2_400)]
    said = [{**ids[i], **key, "time": START, "prediction": "yes", "score": score[i]} for i in range(2_400)]
    told = [{**ids[i], "time": START + MINUTE, "label": "yes" if right[i] else "no"}
            for i in np.flatnonzero(labelled)]  # fmt: skip
    sums = {"count": 2_400, "estimated_count": 2_400, "estimated_correct": Decimal(1_800)}
    of = {**key, "minute": START, "reference": reference().reference}
    with Store.open(tmp_path) as store:
        register(store, reference(), START.replace(tzinfo=UTC))
        write(
            store, prediction_sums=[{**of, **sums}], predictions=said, labels=told,
            score_bins=[{**of, "bin": b, "count": 600} for b in range(4)],
        )  # fmt: skip
        found = by_version(models(store, HOUR))["1"]
    bins = [np.arange(2_400) // 600 == b for b in range(4)]
    expected = np.mean([right[labelled & b].mean() for b in bins])
    assert found["stratified_accuracy"] == pytest.approx(expected, rel=1e-12)
    assert found["stratified_low"] < right.mean() < found["stratified_high"]
    assert found["accuracy_low"] > right.mean(), "else labels were no biased sample"


def test_an_empty_window_says_when_there_was_traffic(store: Store) -> None:
    """A recorded trace is older than the usual week: the reader must be told how to see it."""
    empty = models(store, Window(datetime(2020, 1, 1), datetime(2020, 1, 2)))
    assert (empty.rows, empty.as_of) == ((), None)
    assert "--window 2026-11-24..2026-11-24T01:00Z" in empty.notes[0]


def test_an_empty_ledger_says_how_to_fill_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as nothing:
        assert "driftledger replay" in models(nothing, HOUR).notes[0]


def test_labels_are_of_the_version_and_unknown_by_place(store: Store) -> None:
    """Labels name no workload: its accuracy is unknown, not 0 and not that of the whole version."""
    now = START + SERVED * MINUTE
    record(store, judge(store, now), store.snapshot(), now)
    answer = models(store, Window(START, now + MINUTE), ["workload"])
    judged = ("accuracy", "accuracy_low", "accuracy_high", "labelled", "label_coverage", "accuracy_level",
              "latency_level", "drift_level")  # fmt: skip
    for row in named(answer):
        assert [row[name] for name in judged] == [None] * len(judged)
    assert any("unknown by workload" in note for note in answer.notes)


def test_the_line_of_p95_ends_where_the_table_stands(store: Store) -> None:
    """One step as long as the window is the table's row: two figures of one time are both doubted."""
    shown, steps = by_version(models(store, HOUR)), by_version(timeline(store, HOUR, 1))
    for version in ("1", "2"):
        assert steps[version]["latency_p95"] == pytest.approx(shown[version]["latency_p95"], rel=1e-12)
        assert steps[version]["accuracy"] == shown[version]["accuracy"]


def test_a_line_without_labels_is_estimated_until_labels_contradict(tmp_path: Path) -> None:
    """A model that nobody labels has a line, and a reader sees from when on it must not be believed."""
    key = {"model": "fraud", "model_version": "1"}
    sums = {"count": 4, "estimated_count": 4, "estimated_correct": Decimal("3.000000000")}
    told = {"detector": "estimate", **key, "content": "{}"}
    with Store.open(tmp_path) as store:
        write(
            store,
            prediction_sums=[{**key, **sums, "minute": START + i * MINUTE} for i in range(3)],
            findings=[
                {**told, "time": START + i * MINUTE, "level": level}
                for i, level in ((1, "ok"), (3, "invalid"))
            ],
        )
        steps = named(timeline(store, HOUR, 60))
    assert [s["estimated_accuracy"] for s in steps] == [0.75] * 3
    assert [s["estimate_level"] for s in steps] == ["ok", "ok", "invalid"]
    assert [s["accuracy"] for s in steps] == [None] * 3


def test_what_is_known_to_be_lost_is_said_beside_models_and_drift(tmp_path: Path, life: Life) -> None:
    """A reader who is told of 100 requests must hear of the 12 that the broker lost, and of no others."""

    def gap(source: str, at: int, lost: int | None) -> dict[str, Any]:
        moment = START + at * MINUTE
        row = {"cluster": "", "kind": "offsets_lost", "start": moment, "end": moment, "lost": lost}
        return {**row, "source": source, "detail": ""}

    ours = [gap("driftledger.inference/0", 1, 7), gap("driftledger.label/3", 59, 5)]
    unknown = gap("inference_topics/foreign/0", 0, None)
    others = [gap("driftledger.gpu/0", 1, 9), gap("driftledger.inference/0", 60, 9)]
    with Store.open(tmp_path / "lossy") as lossy:
        register(lossy, reference(), START.replace(tzinfo=UTC))
        write(lossy, **life.facts(), gaps=[*ours, unknown, *others])
        for answer in (models(lossy, HOUR), drift(lossy, HOUR)):
            [note] = [n for n in answer.notes if "known to be missing" in n]
            assert "offsets_lost 12 messages and 1 of unknown size" in note
        later = Window(HOUR.end, HOUR.end + timedelta(hours=1))
        [note] = [n for n in drift(lossy, later).notes if "known to be missing" in n]
        assert "offsets_lost 9 messages;" in note, "what was kept is of another window"
        write(lossy, gaps=[gap("driftledger.label/4", 2, 3)])
        for _ in range(2):
            [note] = [n for n in drift(lossy, HOUR).notes if "known to be missing" in n]
            assert "offsets_lost 15 messages and 1 of unknown size" in note
    with Store.open(tmp_path / "whole") as whole:
        write(whole, **life.facts(), gaps=others)
        assert not [n for n in models(whole, HOUR).notes if "known to be missing" in n]
