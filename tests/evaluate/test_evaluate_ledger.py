"""`driftledger evaluate --model`: predictions of a ledger, with the labels that came, however late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from detectors.parameters import Parameters
from detectors.reference_build import build
from pipeline.answers.label_lags import label_lags
from pipeline.answers.window import Window
from pipeline.cli.app import app
from pipeline.errors import ConfigError, NotFound
from pipeline.evaluate.columns import values
from pipeline.evaluate.evaluate import Evaluated
from pipeline.evaluate.ledger import run
from pipeline.registry import register
from pipeline.store import Store
from tests.ledger import write

START = datetime(2026, 10, 1)
DAY = Window(START, START + timedelta(days=1))
ROWS = 1_000
UNLABELLED = 100


def rows(seed: int, *, version: str, worse: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Predictions whose scores are the chances of yes, and their labels two hours later."""
    rng = np.random.default_rng(seed)
    score = rng.random(ROWS)
    true = rng.random(ROWS) < (1 - score if worse else score)
    predictions, labels = [], []
    for i in range(ROWS):
        time, identity = START + timedelta(minutes=i), f"{version}-{i}"
        said = "yes" if score[i] > 0.5 else "no"
        known = {"model": "m", "prediction_id": identity, "revision": 0}
        score_of = {"predicted_value": None, "score": float(score[i]), "confidence": None}
        predictions.append({**known, **score_of, "time": time, "model_version": version, "prediction": said})
        came = {"evaluator": "", "time": time + timedelta(hours=2), "value": None, "score": None}
        labels.append({**known, **came, "label": "yes" if true[i] else "no"})
    return predictions, labels


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Version 1 is as the reference; version 2's scores say the opposite of what happens."""
    good, bad = rows(1, version="1", worse=False), rows(2, version="2", worse=True)
    times = pa.array([r["time"].replace(tzinfo=UTC) for r in good[0]], pa.timestamp("us", "UTC"))
    columns = {name: [r[name] for r in good[0]] for name in ("prediction_id", "prediction", "score")}
    known = pa.table({name: [r[name] for r in good[1]] for name in ("prediction_id", "label")})
    reference = build(pa.table({"time": times, **columns}), known, model="m", positive_class="yes")
    labels = [*good[1][UNLABELLED:], *bad[1]]
    corrected = {**labels[0], "label": "no" if labels[0]["label"] == "yes" else "yes", "revision": 1}
    stranger = {**labels[0], "prediction_id": "nobody"}
    with Store.open(tmp_path_factory.mktemp("ledger")) as ledger:
        register(ledger, reference, START.replace(tzinfo=UTC))
        write(ledger, predictions=[*good[0], *bad[0]], labels=[*labels, corrected, stranger])
        yield ledger


def numbers(found: list[Evaluated], version: str) -> dict[str, Any]:
    of = next(of for of in found if of.segment == f"model_version={version}")
    return {f"{row.metric}|{row.method}": row for row in of.rows}


def test_each_version_is_told_from_labels_and_without(store: Store) -> None:
    """The estimate of a version whose scores no longer mean anything must not pass for its accuracy."""
    found, notes = run(store, "m", DAY, "day", Parameters(), None)
    good, bad = numbers(found, "1"), numbers(found, "2")
    assert good["label_coverage|rows"].value == 0.9
    assert good["accuracy|realized"].size == 900 and bad["accuracy|realized"].size == 1_000
    for method in ("estimated", "prediction_powered", "post_stratified"):
        assert good[f"accuracy|{method}"].value == pytest.approx(0.75, abs=0.05)
    assert good["label_lag_seconds_p50|rows"].value == 7_200
    assert [good[f"labels_within_{n}|rows"].value for n in ("1m", "1h", "6h", "7d")] == [0, 0, 1, 1]
    lags = {(row[0], row[1]): row[2] for row in label_lags(store, DAY, "m").rows if row[2]}
    assert lags == {("1", "6 hours"): 900, ("1", "no label yet"): 100, ("2", "6 hours"): 1_000}
    assert good["estimate_audit|e_test"].level == "ok" and good["accuracy|e_detector"].level == "ok"
    assert bad["estimate_audit|e_test"].level == "invalid" and bad["accuracy|estimated"].level == "invalid"
    assert bad["accuracy|e_detector"].level == "act" and bad["accuracy|realized"].value < 0.35
    assert any("driftledger drift" in note for note in notes)


def test_the_later_revision_of_a_label_wins_and_a_stranger_changes_nothing(store: Store) -> None:
    """A correction counts once, in place of the first word."""
    found, _ = run(store, "m", DAY, "day", Parameters(), None)
    predictions, labels = rows(1, version="1", worse=False)
    right = [p["prediction"] == w["label"] for p, w in zip(predictions, labels, strict=True)][UNLABELLED:]
    right[0] = not right[0]
    assert numbers(found, "1")["accuracy|realized"].value == pytest.approx(np.mean(right), abs=1e-12)


def test_a_model_without_predictions_is_a_sentence(store: Store) -> None:
    """A typing error in the name must say so."""
    with pytest.raises(NotFound, match="reference create"):
        run(store, "mm", DAY, "day", Parameters(), None)
    with pytest.raises(NotFound, match="no prediction of model 'm'"):
        run(store, "m", Window(START - timedelta(days=9), START - timedelta(days=8)), "", Parameters(), None)


def test_the_command_reads_the_ledger(store: Store) -> None:
    """What the pages and scripts call."""
    asked = ["evaluate", "--model", "m", "--window", "2026-10-01", "--chunk", "day", "-o", "json"]
    done = CliRunner().invoke(app, [*asked, "--store", str(store.location.folder)])
    assert done.exit_code == 6, done.output
    assert {row["segment"] for row in json.loads(done.stdout)["rows"]} == {
        None, "model_version=1", "model_version=2",
    }  # fmt: skip


def test_what_answers_are_worth(store: Store) -> None:
    """A missed fraud costs more than a call too many: the sum over the cells is what a business asks for."""
    worth = values("--values", "tp=100, fn=-50")
    found, _ = run(store, "m", DAY, "day", Parameters(), None, worth)
    bad = numbers(found, "2")
    predictions, labels = rows(2, version="2", worse=True)
    pairs = [(p["prediction"], w["label"]) for p, w in zip(predictions, labels, strict=True)]
    realized = 100 * pairs.count(("yes", "yes")) - 50 * pairs.count(("no", "yes"))
    assert bad["business_value|realized"].value == realized
    assert bad["business_value|estimated"].level == "invalid"
    with pytest.raises(ConfigError, match="tp, fp, fn, tn"):
        values("--values", "hits=3")
