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
from typer.testing import CliRunner

from detectors.parameters import Parameters
from detectors.reference_build import LOSS_QUANTILE, build
from pipeline.answers.models import models
from pipeline.answers.references import account
from pipeline.answers.window import Window
from pipeline.cli.app import app
from pipeline.evaluate.ledger import run
from pipeline.judge import judge
from pipeline.registry import register
from pipeline.store import Store
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
