"""Segments in the ledger: a model that is right on the whole and wrong for one country is found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import predictions
from detectors.parameters import Parameters
from detectors.reference_build import build
from detectors.references import FeatureBins, Reference
from detectors.segments import MOST, OTHER, names
from pipeline.alerts.alert import raised
from pipeline.alerts.messages import summary
from pipeline.answers.segments import segments
from pipeline.answers.truth import accuracy_minutes, estimate_minutes
from pipeline.answers.window import Window
from pipeline.cli.reference_made import segmented
from pipeline.errors import ConfigError
from pipeline.evaluate.ledger import run
from pipeline.judge import judge, record
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests.folds.fold_events import NOON, events
from tests.ledger import rows

START = NOON.replace(tzinfo=None)
DAY = Window(START, START + timedelta(days=1))
ROWS = 900


def traffic() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events and labels: 5 % wrong, but half of those from PL; SE is new, and some say no country."""
    rng = np.random.default_rng(0)
    country = rng.choice(["DE", "FR", "PL", "SE", None], ROWS, p=[0.5, 0.2, 0.2, 0.05, 0.05])
    wrong = rng.random(ROWS) < np.where(country == "PL", 0.5, 0.05)
    said, labels = [], []
    for i in range(ROWS):
        time = NOON + timedelta(seconds=i)
        key = {"model": "m", "prediction_id": f"p{i}"}
        said.append({**key, "time": time, "prediction": "yes", "features": {"country": country[i], "x": 1.0}})
        labels.append({**key, "time": time + timedelta(hours=1), "label": "no" if wrong[i] else "yes"})
    return said, labels


def reference() -> Reference:
    known = ["DE"] * 50 + ["FR"] * 30 + ["PL"] * 20
    sent = [{"prediction_id": f"r{i}", "prediction": "yes", "features": {"country": c, "x": 1.0}}
            for i, c in enumerate(known)]  # fmt: skip
    true = [{"prediction_id": f"r{i}", "label": "no" if i % 20 == 0 else "yes"} for i in range(100)]
    told = (events("inference", *sent), events("label", *true))
    return segmented(build(*told, model="m"), "country", told)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    said, labels = traffic()
    folded = predictions.fold(events("inference", *said), {"m": reference()})
    told = [{**of, "time": of["time"].replace(tzinfo=None)} for of in labels]
    with Store.open(tmp_path_factory.mktemp("ledger")) as ledger:
        register(ledger, reference(), datetime(2026, 9, 30, tzinfo=UTC))
        ledger.append(Batch({**folded, "labels": rows("labels", told)}))
        yield ledger


def test_the_wrong_country_is_seen(store: Store) -> None:
    """The whole is 86 % right, which hides that Poland is a coin's toss."""
    said, labels = traffic()
    right: dict[str, list[bool]] = {}
    for event, label in zip(said, labels, strict=True):
        name = event["features"]["country"] or "(missing)"
        right.setdefault("(other)" if name == "SE" else name, []).append(label["label"] == "yes")
    answer = segments(store, DAY, "m")
    found = {row[1]: row for row in answer.rows}
    assert {name: (row[2], row[3]) for name, row in found.items()} == {
        f"country={name}": (len(of), len(of)) for name, of in right.items()
    }
    for name, of in right.items():
        assert found[f"country={name}"][4] == pytest.approx(np.mean(of), rel=1e-12)
    assert found["country=PL"][6] < 0.7 < 0.9 < found["country=DE"][5], "intervals that do not meet"
    assert answer.rows[0][1] == "country=DE", "the largest first"


def test_a_segment_the_model_and_the_audit_count_the_same_errors(tmp_path: Path) -> None:
    """A score newer than a class is the newest word; one by a judge unknown to the reference is none."""
    helpful = FeatureBins("helpful/v1", (0.5,), None, (5, 5), 0, 0, 1.0)
    known = replace(reference(), evaluators=(helpful,), score_edges=(0.5,), score_counts=(50, 50))
    sent = [{"model": "m", "prediction_id": f"p{i}", "time": NOON + timedelta(seconds=i), "prediction": "yes",
             "confidence": 0.9, "features": {"country": "DE", "x": 1.0}} for i in range(4)]  # fmt: skip
    words: list[tuple[int, int, dict[str, Any]]] = [
        (0, 1, {"label": "yes"}),
        (0, 2, {"evaluator": "helpful/v1", "score": 0.0}),
        (1, 1, {"evaluator": "strict/v2", "score": 0.0}),
        (2, 1, {"evaluator": "helpful/v1", "score": 1.0}),
    ]
    told = [{"model": "m", "prediction_id": f"p{i}", "time": START + timedelta(hours=hour), **said}
            for i, hour, said in words]  # fmt: skip
    with Store.open(tmp_path) as ledger:
        register(ledger, known, datetime(2026, 9, 30, tzinfo=UTC))
        folded = predictions.fold(events("inference", *sent), {"m": known})
        ledger.append(Batch({**folded, "labels": rows("labels", told)}))
        (row,) = segments(ledger, DAY, "m").rows
        by_minute = accuracy_minutes(ledger, ["m"], DAY.start, DAY.end).to_pylist()
        audited = estimate_minutes(ledger, {"m": known}, DAY.start, DAY.end).to_pylist()
    assert row[2:5] == (4, 2, 0.5)
    assert [(of["count"], of["errors"]) for of in by_minute] == [(2, 1)]
    assert sorted((of["right"], of["count"]) for of in audited) == [(0, 1), (1, 1)]


def test_the_judge_names_the_wrong_country_and_no_other(store: Store, tmp_path: Path) -> None:
    """Each by its own bound, which is wide where the reference has twenty labels: so it only warns."""
    assert [(of.segment, of.labelled, of.errors) for of in reference().segment_labels] == [
        ("DE", 50, 3), ("FR", 30, 1), ("PL", 20, 1),
    ]  # fmt: skip
    now, known = START + timedelta(minutes=20), Parameters(rate_minimum_count=60)
    found = judge(store, now, known)
    (finding,) = [f for f in found if f.detector == "segment_accuracy"]
    assert finding.level == "warn" and finding.since < START + timedelta(minutes=15)
    assert finding.evidence["culprits"] == finding.evidence["strongest"] == "country=PL"
    levels = {name: level for name, level in finding.evidence.items() if name.startswith("country=")}
    assert levels == {"country=DE": "ok", "country=FR": "ok", "country=PL": "warn"}
    assert finding.count == sum(e["features"]["country"] == "PL" for e in traffic()[0])
    (told,) = raised([finding], [], now, True)
    assert "country=PL" in summary(told)
    with Store.open(tmp_path) as copy:
        copy.append(Batch({name: store.rows(name) for name in ("references", "predictions", "labels")}))
        record(copy, found, 1, now)
        shown = {row[1]: row[-1] for row in segments(copy, DAY, "m").rows}
    assert shown == {**levels, "country=(other)": None, "country=(missing)": None}


def test_evaluate_tells_every_number_by_segment(store: Store) -> None:
    """What a file's segments have, the ledger's have too; but no verdict that has no reference of its own."""
    found, notes = run(store, "m", DAY, "day", Parameters(), None)
    by_segment = {of.segment: {f"{r.metric}|{r.method}": r for r in of.rows} for of in found}
    assert {name for name in by_segment if name.startswith("country=")} == {
        f"country={name}" for name in ("DE", "FR", "PL", OTHER, "(missing)")
    }
    poland = by_segment["country=PL"]
    assert poland["accuracy|realized"].value < 0.6 and "accuracy|e_detector" not in poland
    assert "accuracy|e_detector" in by_segment["model_version=1"]
    assert any("no verdict" in note for note in notes)


def test_a_feature_of_numbers_or_none_is_no_segment() -> None:
    """A typing error must not make a reference whose segments are for ever empty."""
    with pytest.raises(ConfigError, match="name a feature with categories: country"):
        segmented(replace(reference(), segment=None), "x")


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=50))
def test_there_are_never_more_than_twenty(counts: list[int]) -> None:
    """A category explosion must not become an explosion of rows."""
    categories = tuple(sorted(f"c{i}" for i in range(len(counts))))
    found = names(FeatureBins("f", None, categories, tuple(counts), 0, 0, 1.0))
    assert len(found) == len(counts) + 2 and (found[-2], found[-1]) == ("", OTHER)
    assert len(set(found) - {""}) <= MOST + 1
    kept = [count for name, count in zip(found[:-2], counts, strict=True) if name != OTHER]
    lost = [count for name, count in zip(found[:-2], counts, strict=True) if name == OTHER]
    assert not lost or min(kept) >= max(lost)
