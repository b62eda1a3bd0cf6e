"""A regression in the ledger: how far its numbers are from the truth, and whether that has become worse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from detectors import feature_bins, predictions
from detectors.labels import fold as fold_labels
from detectors.loss_bins import FEWEST, learn, of_reference
from detectors.parameters import Parameters
from detectors.reference_bins import quantile_edges
from detectors.reference_build import LOSS_QUANTILE, build
from detectors.references import Reference
from pipeline.answers.models import models
from pipeline.answers.references import account
from pipeline.answers.window import Window
from pipeline.cli.app import app
from pipeline.evaluate.ledger import run
from pipeline.events import TYPES
from pipeline.judge import judge
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests.detect.judged import reference
from tests.examples import examples
from tests.ledger import write

START = datetime(2026, 10, 1)
DAY = Window(START, START + timedelta(days=1))
ROWS = 1_200
VERSIONS = {"1": 1.0, "2": 3.0}
"""How far each version's predictions are off, as a standard deviation."""


def drawn(seed: int, deviation: float) -> tuple[np.ndarray, np.ndarray]:
    """(predicted, true) numbers."""
    rng = np.random.default_rng(seed)
    true = rng.normal(100, 10, ROWS)
    return true + rng.normal(0, deviation, ROWS), true


def times() -> list[datetime]:
    return [START + timedelta(minutes=i) for i in range(ROWS)]


def known(deviation: float = 1.0) -> tuple[pa.Table, pa.Table]:
    """Events and labels of a time in which the model was right."""
    predicted, true = drawn(0, deviation)
    at = pa.array([t.replace(tzinfo=UTC) for t in times()], pa.timestamp("us", "UTC"))
    ids = pa.array([str(i) for i in range(ROWS)])
    said = pa.table({"time": at, "prediction_id": ids, "predicted_value": predicted})
    return said, pa.table({"prediction_id": ids, "value": true})


def facts() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {"predictions": [], "labels": [], "prediction_sums": []}
    for seed, (version, deviation) in enumerate(VERSIONS.items(), start=1):
        of = {"model": "rent", "model_version": version}
        for i, (at, says, is_) in enumerate(zip(times(), *drawn(seed, deviation), strict=True)):
            key = {"model": "rent", "prediction_id": f"{version}-{i}"}
            found["predictions"].append(
                {**key, "time": at, "model_version": version, "predicted_value": says}
            )
            found["labels"].append({**key, "time": at + timedelta(hours=1), "value": is_})
            found["prediction_sums"].append({**of, "minute": at, "count": 1})
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("ledger")) as ledger:
        write(ledger, **facts())
        yield ledger


@pytest.fixture
def judged(store: Store) -> Store:
    register(store, build(*known(), model="rent"), START.replace(tzinfo=UTC))
    return store


def told(store: Store, version: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    found, notes = run(store, "rent", DAY, "day", Parameters(), None)
    of = next(of for of in found if of.segment == f"model_version={version}")
    return {f"{row.metric}|{row.method}": row for row in of.rows}, notes


def test_errors_are_told_without_a_reference(store: Store) -> None:
    """Labels alone say how far the numbers are off; nobody needs to register anything to see it."""
    for seed, version in enumerate(VERSIONS, start=1):
        rows, notes = told(store, version)
        loss = np.subtract(*drawn(seed, VERSIONS[version]))
        assert rows["mae|realized"].value == pytest.approx(np.abs(loss).mean(), rel=1e-12)
        assert rows["rmse|realized"].value == pytest.approx(np.sqrt((loss**2).mean()), rel=1e-12)
        assert rows["label_lag_seconds_p50|rows"].value == 3_600 and rows["mae|realized"].size == ROWS
        assert "accuracy|e_detector" not in rows and any("nothing is judged" in note for note in notes)


def test_a_version_that_errs_more_is_called_and_the_good_one_is_not(judged: Store) -> None:
    """A regression is judged live by the rule of its reference: off by more than 95 % of that."""
    limit = float(np.quantile(np.abs(np.subtract(*drawn(0, 1.0))), LOSS_QUANTILE))
    assert judged.references()["rent"].loss_limit == pytest.approx(limit, rel=1e-12)
    rows, _ = told(judged, "1")
    assert rows["accuracy|e_detector"].level == "ok"
    assert told(judged, "2")[0]["accuracy|e_detector"].level == "act"
    found = judge(judged, START + timedelta(minutes=ROWS), Parameters())
    levels = {f.model_version: f.level for f in found if f.detector == "accuracy"}
    assert levels == {"1": "ok", "2": "act"}
    answer = models(judged, DAY)
    names = [c.name for c in answer.columns]
    shown = {row[1]: dict(zip(names, row, strict=True)) for row in answer.rows}
    for seed, version in enumerate(VERSIONS, start=1):
        within = np.abs(np.subtract(*drawn(seed, VERSIONS[version]))) <= limit
        assert shown[version]["accuracy"] == pytest.approx(within.mean(), rel=1e-12)
    assert any("rent: a regression" in note for note in answer.notes)


def uneven(seed: int, mean: float, worse: float = 1.0) -> tuple[pa.Table, pa.Table]:
    """Events and labels of rents that are the harder to tell the higher they are."""
    rng = np.random.default_rng(seed)
    says = rng.normal(mean, 10, ROWS)
    true = says + worse * rng.normal(0, 1, ROWS) * np.exp((says - 100) / 20)
    at = pa.array([t.replace(tzinfo=UTC) for t in times()], pa.timestamp("us", "UTC"))
    ids = pa.array([str(i) for i in range(ROWS)])
    later = pa.array([t.replace(tzinfo=UTC) + timedelta(hours=1) for t in times()], at.type)
    said = {"time": at, "prediction_id": ids, "predicted_value": says, "model": ["rent"] * ROWS}
    said["model_version"] = ["1"] * ROWS
    return table("inference", said), table("label", {**said, "time": later, "value": true})


def table(kind: str, columns: dict[str, Any]) -> pa.Table:
    """Events of a type, whose other columns are null; their features are none."""
    fields = {f.name: f.type for f in TYPES[kind].schema}
    given = {name: of for name, of in columns.items() if name in fields}
    rest = {n: pa.nulls(ROWS, of) for n, of in fields.items() if n not in given and n != "features"}
    if "features" in fields:
        rest["features"] = pa.array([{}] * ROWS, pa.struct([]))
    return pa.table({**rest, **given})


@pytest.mark.parametrize(
    ("mean", "worse", "level"), [(100.0, 1.0, "ok"), (108.0, 1.0, "ok"), (100.0, 3.0, "invalid")]
)
def test_errors_are_estimated_without_labels_and_the_estimate_audits_itself(
    tmp_path: Path, mean: float, worse: float, level: str
) -> None:
    """That hard rents come is seen at once; that all became harder only labels tell: then it is invalid."""
    known_rents = build(*uneven(0, 100.0), model="rent")
    assert known_rents.losses is not None
    assert Reference.from_json(known_rents.to_json()) == known_rents
    events, labels = uneven(1, mean, worse)
    now = START + timedelta(minutes=ROWS)
    with Store.open(tmp_path) as store:
        register(store, known_rents, START.replace(tzinfo=UTC))
        for fold in (predictions.fold, feature_bins.fold):
            store.append(Batch(fold(events, store.references())))
        before = {f.detector: f.level for f in judge(store, now, Parameters())}
        unlabelled = shown(store)
        rows, _ = told(store, "1")
        store.append(Batch(fold_labels(labels, {})))
        with_labels, _ = told(store, "1")
        after = {f.detector: f.level for f in judge(store, now, Parameters())}
    assert (before["estimate"], after["estimate"]) == ("not_enough_data", level)
    loss = np.abs(np.subtract(events["predicted_value"].to_numpy(), labels["value"].to_numpy()))
    within = float((loss <= known_rents.loss_limit).mean())
    assert (unlabelled["estimated_count"], unlabelled["accuracy"]) == (ROWS, None)
    if worse == 1.0:
        assert unlabelled["estimated_accuracy"] == pytest.approx(within, abs=0.015)
        assert rows["mae|estimated"].value == pytest.approx(loss.mean(), rel=0.1)
        assert rows["mae|estimated"].low < loss.mean() < rows["mae|estimated"].high
    assert with_labels["mae|estimated"].level == level


def shown(store: Store) -> dict[str, Any]:
    answer = models(store, DAY)
    return dict(zip([c.name for c in answer.columns], answer.rows[0], strict=True))


def test_a_reference_of_few_rows_estimates_nothing() -> None:
    """Nothing is learnt of 99 labels, and the reference is what it was before there was an estimate."""
    events, labels = uneven(0, 100.0)
    few = build(events, labels.slice(0, FEWEST - 1), model="rent")
    assert few.losses is None and few.score_counts == () and "losses" not in few.to_json()
    assert build(events, labels.slice(0, FEWEST), model="rent").losses is not None


@given(st.lists(st.integers(-(10**6), 10**6).map(lambda n: n / 8), min_size=FEWEST, max_size=300))
@settings(max_examples=examples(10))
def test_what_was_learnt_gives_back_what_it_was_learnt_from(values: list[float]) -> None:
    """Over the reference's own rows the estimates are the means, whatever the numbers."""
    predicted = np.array(values)
    loss = np.abs(np.round(predicted)) % 7
    learnt = learn(quantile_edges(predicted), predicted, loss, loss < 5)
    assert learnt.losses is not None
    known = reference(
        score_edges=quantile_edges(predicted),
        losses=learnt.losses,
        calibrator_x=learnt.curve[0],
        calibrator_y=learnt.curve[1],
    )
    assert known.calibrated(predicted).mean() == pytest.approx((loss < 5).mean(), abs=1e-9)
    means = of_reference(known)
    assert means["absolute"].expected({}, predicted).mean() == pytest.approx(loss.mean(), abs=1e-9)
    assert means["squared"].expected({}, predicted).mean() == pytest.approx((loss**2).mean(), abs=1e-9)


def test_a_file_makes_the_same_reference_as_its_events(tmp_path: Path) -> None:
    """A data scientist registers the training set: the limit must be that of its rows."""
    events, labels = known()
    rows = pa.table({"at": events["time"], "says": events["predicted_value"], "rent": labels["value"]})
    pq.write_table(rows, tmp_path / "rows.parquet")
    (tmp_path / "columns.yaml").write_text("{timestamp: at, prediction: says, label: rent}", encoding="utf-8")
    asked = ["reference", "create", "rent", "--data", str(tmp_path / "rows.parquet")]
    asked += ["--columns", str(tmp_path / "columns.yaml"), "--store", str(tmp_path / "ledger")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    with Store.open(tmp_path / "ledger") as ledger:
        made = ledger.references()["rent"]
    built = build(events, labels, model="rent")
    assert (made.loss_limit, made.labelled, made.errors) == (built.loss_limit, ROWS, built.errors)
    assert "a regression" in "\n".join(account(made))
