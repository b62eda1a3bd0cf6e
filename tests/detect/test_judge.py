"""A tick of the judge over a ledger: late labels land right, the same snapshot gives the same bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline import judge as ticking
from pipeline.alerts.alert import raised
from pipeline.answers.models import models
from pipeline.answers.window import Window
from pipeline.judge import judge
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.judged import reference
from tests.ledger import MINUTE, START, Life, write

SERVED = 200
NOW = START + SERVED * MINUTE + timedelta(seconds=30)


def levels(findings: list[Finding]) -> dict[tuple[str, str], str]:
    return {(f.model_version, f.detector): f.level for f in findings}


@pytest.fixture(scope="module")
def life() -> Life:
    """Version 1 serves well and goes on; version 2 errs and is slow."""
    good = Life().serve("1", 0, SERVED, error=0.1)
    return good.serve("2", 100, SERVED - 100, error=0.4, seconds=2.0)


@pytest.fixture
def store(tmp_path: Path, life: Life) -> Iterator[Store]:
    with Store.open(tmp_path) as ledger:
        register(ledger, reference(), START.replace(tzinfo=UTC))
        write(ledger, **life.facts())
        yield ledger


def test_a_tick_judges_every_version_by_every_detector(store: Store) -> None:
    assert levels(judge(store, NOW)) == {
        ("1", "accuracy"): "ok",
        ("1", "canary"): "not_enough_data",
        ("1", "drift"): "ok",
        ("1", "estimate"): "not_enough_data",
        ("1", "evaluation"): "no_reference",
        ("1", "latency_objective"): "ok",
        ("2", "accuracy"): "act",
        ("2", "canary"): "act",
        ("2", "drift"): "ok",
        ("2", "estimate"): "not_enough_data",
        ("2", "evaluation"): "no_reference",
        ("2", "latency_objective"): "act",
    }


def test_the_numbers_are_those_of_the_ledger(store: Store, life: Life) -> None:
    """Labels come an hour after their prediction and count in its minute."""
    found = next(f for f in judge(store, NOW) if (f.model_version, f.detector) == ("2", "accuracy"))
    wrong = sum(row["label"] == "no" for row in life.labels if row["prediction_id"].startswith("2-"))
    assert found.count == 2_000
    assert found.evidence["errors"] == wrong
    assert found.since is not None
    assert found.since < START + 110 * MINUTE


def test_the_past_judged_again_gives_the_same_bits(store: Store, tmp_path: Path) -> None:
    """This is how `explain` says identical: the snapshot, not today's ledger, decides."""
    snapshot = store.snapshot()
    then = [f.to_json() for f in judge(store, NOW)]
    write(store, **Life(seed=9).serve("2", 150, 20, error=0.9).facts())
    assert [f.to_json() for f in judge(store, NOW)] != then
    with Store.open(tmp_path, snapshot=snapshot) as past:
        assert [f.to_json() for f in judge(past, NOW)] == then


def test_the_same_facts_in_many_small_commits_give_the_same_bits(
    store: Store, tmp_path: Path, life: Life
) -> None:
    """How traffic was cut into batches must not change a verdict."""
    with Store.open(tmp_path / "cut") as other:
        register(other, reference(), START.replace(tzinfo=UTC))
        for part in range(3):
            write(other, **{name: given[part::3] for name, given in life.facts().items()})
        assert [f.to_json() for f in judge(other, NOW)] == [f.to_json() for f in judge(store, NOW)]


def test_a_corrected_label_replaces_the_first(store: Store, life: Life) -> None:
    """A person takes the errors back: the higher revision counts, the harm is gone."""
    fixed = [{**row, "label": "yes", "revision": 1} for row in life.labels]
    write(store, labels=fixed)
    assert levels(judge(store, NOW))["2", "accuracy"] == "ok"


def test_the_newest_word_of_several_evaluators_counts(store: Store, life: Life) -> None:
    """One prediction, two evaluators: one verdict, not two events."""
    audited = {"evaluator": "audit", "label": "yes"}
    later = [{**row, **audited, "time": row["time"] + MINUTE} for row in life.labels]
    write(store, labels=later)
    found = next(f for f in judge(store, NOW) if (f.model_version, f.detector) == ("2", "accuracy"))
    assert (found.count, found.evidence["errors"]) == (2_000, 0)


def test_scores_of_an_evaluator_count_where_there_is_no_class(tmp_path: Path) -> None:
    """Generated text has no predicted class; an evaluation score below one half is a failure."""
    life = Life().serve("1", 0, 60, error=0.0)
    said = [{**row, "prediction": None} for row in life.predictions]
    scored = [{**row, "label": None, "score": float(i % 4 != 0)} for i, row in enumerate(life.labels)]
    with Store.open(tmp_path) as store:
        register(store, reference(), START.replace(tzinfo=UTC))
        write(store, **{**life.facts(), "predictions": said, "labels": scored})
        found = next(f for f in judge(store, START + 60 * MINUTE) if f.detector == "accuracy")
    assert (found.count, found.evidence["errors"], found.level) == (1_200, 300, "act")


def test_a_version_that_stopped_serving_is_stale_however_bad_it_was(store: Store) -> None:
    later = NOW + timedelta(minutes=Parameters().stale_minutes + 1)
    assert levels(judge(store, later))["2", "accuracy"] == "stale"


def test_the_present_minute_is_not_read(store: Store) -> None:
    """It is still filling: a tick in the middle of a minute must not judge half of it."""
    write(store, **Life(seed=3).serve("3", SERVED, 1, error=1.0, per_minute=500).facts())
    assert not [f for f in judge(store, NOW) if f.model_version == "3"]
    assert levels(judge(store, NOW + MINUTE))["3", "accuracy"] in ("warn", "act")


def test_a_model_without_a_reference_is_said_to_have_none(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        write(store, **Life().serve("1", 0, 5, error=0.1).facts())
        assert set(levels(judge(store, START + 5 * MINUTE)).values()) == {"no_reference"}


def test_an_empty_ledger_has_no_findings(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert judge(store, NOW) == []


def test_a_tick_names_the_snapshot_that_it_read(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that commits while the judge reads must not make `explain` say that a decision differs."""
    plain = ticking.judge

    def disturbed(ledger: Store, now: datetime, parameters: Parameters, memory: None) -> list[Finding]:
        with Store.open(tmp_path) as other:
            write(other, **Life(seed=9).serve("2", 150, 20, error=0.9).facts())
        return plain(ledger, now, parameters)

    monkeypatch.setattr(ticking, "judge", disturbed)
    found, snapshot = ticking.tick(store, NOW, Parameters())
    with Store.open(tmp_path, snapshot=snapshot) as past:
        assert plain(past, NOW) == found
    assert plain(store, NOW) != found
    assert set(store.rows("findings")["snapshot"].to_pylist()) == {snapshot}


def test_recorded_findings_keep_every_digit(store: Store) -> None:
    """What was concluded, and from which snapshot, can be read back as it was."""
    found, snapshot = ticking.tick(store, NOW)
    kept = store.rows("findings").to_pylist()
    assert sorted(row["content"] for row in kept) == sorted(f.to_json() for f in found)
    assert {(row["snapshot"], row["time"]) for row in kept} == {(snapshot, NOW)}
    act = next(row for row in kept if row["level"] == "act" and row["detector"] == "accuracy")
    assert act["since"] == Finding.from_json(act["content"]).since


def test_a_tick_reads_one_snapshot_while_another_process_writes(store: Store, tmp_path: Path) -> None:
    """Else the recorded snapshot is not what was judged, and no decision could be computed again."""
    then = [f.to_json() for f in judge(store, NOW)]
    with store.steady():
        snapshot = store.snapshot()
        with Store.open(tmp_path) as other:
            write(other, **Life(seed=9).serve("2", 150, 20, error=0.9).facts())
        assert [f.to_json() for f in judge(store, NOW)] == then
        assert store.snapshot() == snapshot
    assert [f.to_json() for f in judge(store, NOW)] != then


@pytest.mark.parametrize("objective", [None, 0.0])
def test_a_model_without_an_objective_is_not_judged_by_one(
    tmp_path: Path, life: Life, objective: float | None
) -> None:
    with Store.open(tmp_path) as store:
        register(store, reference(latency_objective_seconds=objective), START.replace(tzinfo=UTC))
        write(store, **life.facts())
        assert levels(judge(store, NOW))["2", "latency_objective"] == "no_reference"


def test_a_first_token_that_comes_late_is_judged_where_it_is_promised(tmp_path: Path) -> None:
    """Whole answers are as fast as ever, so `latency_objective` is silent of a chat that nobody stays for."""
    first = "time_to_first_token_objective"
    lived = [Life().serve(v, at, 120, error=0.1, seconds=t) for v, at, t in (("1", 0, 0.1), ("2", 120, 0.9))]
    bins = [{**row, "metric": "time_to_first_token"} for one in lived for row in one.latency_bins]
    traffic = [row for one in lived for row in one.prediction_sums]
    promised = reference(latency_objective_seconds=None, objectives=(("time_to_first_token", 0.5),))
    now = START + 240 * MINUTE
    with Store.open(tmp_path) as store:
        write(store, latency_bins=bins, prediction_sums=traffic)
        register(store, reference(latency_objective_seconds=None), START.replace(tzinfo=UTC))
        assert first not in {f.detector for f in judge(store, now)}, "nobody asked"
        register(store, promised.identified(), (START + MINUTE).replace(tzinfo=UTC))
        found = judge(store, now, Parameters(stale_minutes=300))
    told = levels(found)
    assert (told["1", first], told["2", first]) == ("ok", "act")
    assert told["2", "latency_objective"] == "no_reference"
    (late,) = [f for f in found if (f.model_version, f.detector) == ("2", first)]
    assert late.evidence["objective_seconds"] == 0.5 and late.evidence["over"] == late.count == 2_400
    (begun,) = [a for a in raised(found, [], now, True) if a.detector == first]
    (ended,) = raised([f for f in found if f.detector == "drift"], [begun], now, True)
    assert (ended.state, ended.level) == ("resolved", "no_reference"), "an alert of nothing would stay"
    assert raised([], [begun], now, True) == [], "a ledger that says nothing ends nothing"


def test_parameters_of_a_decision_restore_its_judge(store: Store) -> None:
    """A policy that was stricter then must be recomputed as strict."""
    strict = Parameters(accuracy_tolerance=0.5)
    restored = Parameters(**dataclasses.asdict(strict))
    assert levels(judge(store, NOW, restored))["2", "accuracy"] == "ok"


def test_labels_that_contradict_the_scores_make_the_estimate_invalid(tmp_path: Path) -> None:
    """Confident and wrong: the estimate looks fine, so the tick must say that it does not hold."""
    life = Life().serve("1", 0, 40, error=0.1).serve("2", 0, 40, error=0.4)
    said = [{**row, "score": 0.9} for row in life.predictions]
    sums = [{**row, "estimated_count": 20, "estimated_correct": 18} for row in life.prediction_sums]
    few = [row for n, row in enumerate(life.labels) if n % 4 == 0]
    now = START + 40 * MINUTE
    with Store.open(tmp_path) as store:
        register(store, reference(), START.replace(tzinfo=UTC))
        write(store, **{**life.facts(), "predictions": said, "labels": few, "prediction_sums": sums})
        found = levels(ticking.tick(store, now)[0])
        answer = models(store, Window(START, now + MINUTE))
        write(store, labels=[{**row, "label": "yes", "revision": 1} for row in few])
        later = ticking.judge(store, now + MINUTE)
        register(store, reference(reference="fraud@2", errors=2_000), now.replace(tzinfo=UTC))
        anew = levels(ticking.judge(store, now + MINUTE))
    assert (found["1", "estimate"], found["2", "estimate"]) == ("ok", "invalid")
    kept = next(f for f in later if (f.model_version, f.detector) == ("2", "estimate"))
    assert (kept.level, kept.log_evidence < kept.log_act) == ("invalid", True), "once rejected"
    assert anew["2", "estimate"] == "ok", "another reference is another estimate"
    first, second = (dict(zip((c.name for c in answer.columns), row, strict=True)) for row in answer.rows)
    assert (first["estimate_level"], second["estimate_level"]) == ("ok", "invalid")
    assert first["estimated_accuracy"] == second["estimated_accuracy"] == 0.9
    assert second["powered_accuracy"] == pytest.approx(second["accuracy"])
    assert second["powered_low"] < second["accuracy"] < second["powered_high"] < 0.9
