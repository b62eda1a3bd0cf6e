"""`driftledger drift`: the published distances of each feature, largest first, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from detectors import distances
from detectors.references import FeatureBins, Reference
from pipeline.answers.answer import Answer, to_json
from pipeline.answers.drift import drift
from pipeline.answers.feature_distances import SCORE
from pipeline.answers.histograms import histogram
from pipeline.answers.verdicts import Verdict
from pipeline.answers.window import Window
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.judged import EDGES, categorical, numeric, reference
from tests.ledger import MINUTE, START, write

HOUR = Window(START, START + timedelta(hours=1))
EVEN = {b: 200 for b in range(10)}


def by_feature(answer: Answer) -> dict[str, dict[str, Any]]:
    names = [c.name for c in answer.columns]
    return {str(row[2]): dict(zip(names, row, strict=True)) for row in answer.rows}


def ask(
    folder: Path, features: Mapping[str, Mapping[int, int]], known: Reference | None = None,
    scores: Mapping[int, int] | None = None,
) -> Answer:  # fmt: skip
    """The answer on one version whose counts by bin are spread over two minutes."""
    key = {"model": "fraud", "model_version": "1", "reference": "fraud@1"}
    with Store.open(folder) as store:
        if known:
            register(store, known, START.replace(tzinfo=UTC))
        for minute in range(2):
            at = {**key, "minute": START + minute * MINUTE}
            halves = {f: {b: (n + minute) // 2 for b, n in bins.items()} for f, bins in features.items()}
            write(
                store,
                feature_bins=[{**at, "feature": f, "bin": b, "count": n}
                              for f, bins in halves.items() for b, n in bins.items()],
                score_bins=[{**at, "bin": b, "count": (n + minute) // 2} for b, n in (scores or {}).items()],
            )  # fmt: skip
        return drift(store, HOUR)


def test_every_statistic_is_that_of_its_histogram(tmp_path: Path) -> None:
    now = [400, 300, 300, 200, 200, 200, 200, 100, 50, 50]
    found = by_feature(ask(tmp_path, {"amount": dict(enumerate(now))}, reference()))["amount"]
    then = list(numeric("amount").counts)
    assert found["psi"] == distances.psi(then, now)
    assert found["jensen_shannon_distance"] == distances.jensen_shannon_distance(then, now)
    assert found["kolmogorov_smirnov"] == distances.kolmogorov_smirnov(then, now)
    assert found["hellinger"] == distances.hellinger(then, now)
    assert found["l_infinity"] == distances.l_infinity(then, now)
    assert (found["chi2"], found["chi2_p_value"]) == distances.chi2(then, now)
    middles = distances.representatives(numeric("amount").edges or ())
    assert found["wasserstein"] == distances.wasserstein(then, now, middles)
    assert found["kolmogorov_smirnov_bound"] == max(now) / sum(now)
    assert found["normed_wasserstein"] == pytest.approx(0.6, abs=0.15)
    assert (found["count"], found["psi_level"], found["reference"]) == (2_000, "warn", "fraud@1")


def test_the_largest_effect_comes_first_and_the_unknown_last(tmp_path: Path) -> None:
    features = {
        "amount": EVEN,
        "channel": {0: 100, 1: 900, 2: 1_000},
        "rare": {0: 3},
    }
    known = reference(features=(numeric("amount"), categorical("channel"), numeric("rare")))
    assert list(by_feature(ask(tmp_path, features, known))) == ["channel", "amount", "rare"]


@pytest.mark.parametrize(
    ("count", "psi", "js"), [(499, False, False), (500, True, False), (1_000, True, True)]
)
def test_too_few_events_give_no_number(tmp_path: Path, count: int, psi: bool, js: bool) -> None:
    """With 100 events a third of unchanged streams has a PSI above 0.1: no number is better than that one."""
    each = {b: count // 10 + (b < count % 10) for b in range(10)}
    found = by_feature(ask(tmp_path, {"amount": each}, reference()))["amount"]
    assert (found["psi"] is not None, found["jensen_shannon_distance"] is not None) == (psi, js)
    assert found["psi_level"] == ("ok" if psi else "not_enough_data")


def test_unseen_categories_are_drift_and_have_their_rate(tmp_path: Path) -> None:
    """A new payment channel appears: it must not vanish from the comparison."""
    now = {0: 500, 1: 300, 2: 200, -2: 1_000}
    found = by_feature(ask(tmp_path, {"channel": now}, reference()))["channel"]
    assert found["unseen_rate"] == 0.5
    assert found["psi"] > 0.25
    assert found["psi_level"] == "warn"
    assert found["kolmogorov_smirnov"] is None


def test_a_feature_that_went_missing_warns_though_it_has_no_psi(tmp_path: Path) -> None:
    """All values gone: there is no histogram left to compare, and yet it is the worst case."""
    found = by_feature(ask(tmp_path, {"amount": {-1: 2_000}}, reference()))["amount"]
    assert (found["psi"], found["missing_rate"], found["psi_level"]) == (None, 1.0, "warn")


def test_missing_values_do_not_dilute_the_distance_of_the_rest(tmp_path: Path) -> None:
    found = by_feature(ask(tmp_path, {"amount": {**EVEN, -1: 20}}, reference()))["amount"]
    assert found["psi"] == pytest.approx(0.0, abs=1e-12)
    assert found["missing_rate"] == pytest.approx(20 / 2_020)


def test_the_score_is_compared_too(tmp_path: Path) -> None:
    found = by_feature(ask(tmp_path, {}, reference(), {0: 100, 1: 200, 2: 300, 3: 400}))[SCORE]
    assert found["psi"] == distances.psi([4_000, 3_000, 2_000, 1_000], [100, 200, 300, 400])


def test_of_one_model_only(tmp_path: Path) -> None:
    """Whoever owns one of two hundred models asks for it alone."""
    everything = ask(tmp_path, {"amount": EVEN}, reference(), {0: 100})
    with Store.open(tmp_path) as store:
        assert drift(store, HOUR, "fraud").rows == everything.rows
        assert len(everything.rows) == 2 and drift(store, HOUR, "other").rows == ()


def test_facts_of_an_unknown_reference_are_shown_as_such(tmp_path: Path) -> None:
    """The counts are there; what to compare them with is not: say so instead of leaving the row out."""
    found = by_feature(ask(tmp_path, {"amount": EVEN}))["amount"]
    assert (found["psi_level"], found["psi"], found["count"]) == ("no_reference", None, 2_000)


def test_facts_are_compared_with_the_reference_that_they_were_folded_against(tmp_path: Path) -> None:
    """A newer reference with other bins must not be laid over older counts."""
    with Store.open(tmp_path) as store:
        newer = reference(reference="fraud@2", features=(categorical("amount"),))
        register(store, newer, START.replace(tzinfo=UTC) + timedelta(days=1))
    found = by_feature(ask(tmp_path, {"amount": EVEN}, reference()))["amount"]
    assert found["reference"] == "fraud@1"
    assert found["psi"] == pytest.approx(0.0, abs=1e-12)


def test_a_feature_that_was_constant_and_now_varies_can_be_written_as_json(tmp_path: Path) -> None:
    """Its distance in reference standard deviations is infinite, which JSON has no word for."""
    constant = FeatureBins("amount", EDGES, None, (10_000, *[0] * 9), 0, 0, 1.0)
    answer = ask(tmp_path, {"amount": EVEN}, reference(features=(constant,)))
    found = by_feature(answer)["amount"]
    assert (found["normed_wasserstein"], found["psi_level"]) == (None, "warn")
    assert "amount" in json.dumps(to_json(answer), allow_nan=False)


def test_outside_the_window_nothing_counts(tmp_path: Path) -> None:
    ask(tmp_path, {"amount": EVEN}, reference())
    with Store.open(tmp_path) as store:
        late = drift(store, Window(START + 2 * MINUTE, START + 60 * MINUTE))
        first = by_feature(drift(store, Window(START, START + MINUTE)))["amount"]
    assert (late.rows, late.as_of) == ((), None)
    assert "--window 2026-11-24..2026-11-24T00:02Z" in late.notes[0]
    assert first["count"] == 1_000


def test_as_of_is_the_end_of_the_newest_minute(tmp_path: Path) -> None:
    assert ask(tmp_path, {"amount": EVEN}, reference()).as_of == START + 2 * MINUTE


def test_a_night_is_compared_with_the_nights(tmp_path: Path) -> None:
    """The judge says ok at night by the hour of the week: the page must not warn of the same traffic."""
    night, day = (200, 800, 0, 0), (800, 200, 0, 0)
    hours = [n for hour in range(168) for n in (night if hour % 24 < 8 else day)]
    known = FeatureBins("channel", None, ("web", "app"), (100_800, 67_200), 0, 0, 1.0, tuple(hours))
    plain = replace(known, hours=())
    features = {"channel": {0: 200, 1: 800}}
    found = by_feature(ask(tmp_path / "weekly", features, reference(features=(known,))))["channel"]
    assert (found["psi_level"], found["psi"]) == ("ok", pytest.approx(0.0, abs=1e-12))
    with Store.open(tmp_path / "weekly") as store:
        bars = histogram(store, HOUR, "fraud", "1", "channel", "fraud@1")
    assert [row[1] for row in bars.rows] == [row[2] for row in bars.rows] == [0.2, 0.8]
    found = by_feature(ask(tmp_path / "plain", features, reference(features=(plain,))))["channel"]
    assert found["psi_level"] == "warn", "else the rhythm is not what made it quiet"


def test_the_judge_stands_beside_the_habit(tmp_path: Path) -> None:
    """PSI over 0.1 is one thing and a verdict with a rate another: a reader sees both, by their names."""
    told = {"detector": "drift", "model": "fraud", "model_version": "1"}
    content = json.dumps({"evidence": {"culprits": "a, b, amount"}})
    with Store.open(tmp_path) as store:
        write(store, findings=[{**told, "time": START + MINUTE, "level": "warn", "content": content}])
    answer = ask(tmp_path, {"amount": EVEN}, reference(), {0: 400, 1: 300, 2: 200, 3: 100})
    found = by_feature(answer)
    assert (found["amount"]["psi_level"], found["amount"]["drift_level"]) == ("ok", "warn")
    assert found[SCORE]["drift_level"] is None and found[SCORE]["culprit"] is None
    assert found["amount"]["culprit"] is True


def test_a_verdict_names_a_feature_whatever_its_name_holds() -> None:
    said = Verdict("warn", "amount, a, b")
    assert all(said.names(name) for name in ("amount", "a, b", "a", "b"))
    assert not any(said.names(name) for name in ("mount", "amount, b", "")) and Verdict().names("a") is None
