"""Features that each stay as they were and no longer go together: seen in a ledger, and no change is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from dashboards.joint_drift import TOGETHER
from detectors.codes import text
from detectors.domain_classifier import ALARM
from detectors.joint_drift import JointReference
from pipeline.answers.feature_distances import PSI_WARN
from pipeline.cli.app import app
from pipeline.embedded import Embedded
from pipeline.events import TYPES
from pipeline.store import Store
from tests.ledger import write
from tests.pages.test_pages import opened, words

START = datetime(2026, 11, 24)
HOURS, A_HOUR, KEPT = 6, 400, 250
SPAN = "2026-11-24..2026-11-24T03:00Z"
LATER = "2026-11-24T03:00Z..2026-11-24T06:00Z"


def drawn(rows: int, together: float, seed: int) -> dict[str, np.ndarray]:
    """Two normal numbers with that correlation, and a category that says the sign of the first."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=rows)
    second = together * first + np.sqrt(1 - together**2) * rng.normal(size=rows)
    return {"amount": first, "income": second, "side": np.where(first > 0, "up", "down")}


def values(of: dict[str, np.ndarray]) -> dict[str, Any]:
    return {n: text(pa.chunked_array([pa.array(v)])) if n == "side" else v for n, v in of.items()}


def test_null_is_quiet_and_a_turned_correlation_is_seen_by_both() -> None:
    known = JointReference.of(values(drawn(2_000, 0.8, 0)))
    for seed in range(1, 5):
        found = known.compared(values(drawn(600, 0.8, seed)))
        assert found.low <= found.error <= found.high and found.area.value < ALARM
    turned = known.compared(values(drawn(600, -0.8, 9)))
    assert turned.error > turned.high and turned.area.value >= ALARM
    assert known.compared(values(drawn(600, -0.8, 9))) == turned, "the same rows give the same figures"


def test_constant_and_missing_features_are_compared_without_a_warning() -> None:
    same = {"a": np.ones(600), "b": np.full(600, np.nan)}
    known = JointReference.of(same)
    quiet, moved = known.compared(same), known.compared({"a": np.full(600, 2.0), "b": np.ones(600)})
    assert quiet.low <= quiet.error <= quiet.high and quiet.area.value < ALARM
    assert moved.error > moved.high and moved.area.value == 1.0


def sent(hour: int, together: float, model: str = "fraud") -> pa.Table:
    """An hour of predictions."""
    times = [START + timedelta(hours=hour, seconds=9 * n) for n in range(A_HOUR)]
    features = drawn(A_HOUR, together, 100 + hour)
    children = [pa.array(column) for column in features.values()]
    return pa.table(
        {
            "model": [model] * A_HOUR,
            "model_version": ["1"] * A_HOUR,
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "features": pa.StructArray.from_arrays(children, names=list(features)),
        }
    )


def put(ledger: Store, events: pa.Table, sequence: int, source: str = "s") -> None:
    at = int(START.replace(tzinfo=UTC).timestamp() * 1e6)
    Embedded(ledger).put(TYPES["inference"], events, source=source, sequence=sequence, time=at)


def command(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(folder: Path, *words: str) -> tuple[list[dict[str, Any]], list[str]]:
    done = command("drift", *words, "--store", folder, "-o", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    return found["rows"], found["notes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A reference of a file, three hours that are like it and three whose correlation is turned."""
    found = tmp_path_factory.mktemp("joint")
    lines = ["time,amount,income,side"]
    of = drawn(2_000, 0.8, 0)
    for n, row in enumerate(zip(*of.values(), strict=True)):
        lines.append(",".join([f"{START - timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}", *map(str, row)]))
    (found / "good.csv").write_text("\n".join(lines), encoding="utf-8")
    (found / "columns.yaml").write_text("timestamp: time\n", encoding="utf-8")
    made = command(
        "reference", "create", "fraud", "--data", found / "good.csv", "--columns", found / "columns.yaml",
        "--store", found / "ledger", "--sample", KEPT,
    )  # fmt: skip
    assert made.exit_code == 0 and f"{KEPT} rows an hour" in made.output, made.output
    with Store.open(found / "ledger") as ledger:
        for hour in range(HOURS):
            put(ledger, sent(hour, 0.8 if hour < 3 else -0.8), hour)
    yield found / "ledger"


def test_what_no_feature_alone_shows_is_shown_by_both(folder: Path) -> None:
    """End to end: the univariate answer stays ok in both halves, the joint one warns in the second."""
    (quiet,), notes = answer(folder, "--joint", "--window", SPAN)
    assert (quiet["reconstruction_level"], quiet["classifier_level"]) == ("ok", "ok")
    assert (quiet["events"], quiet["reference_rows"]) == (3 * A_HOUR, 2_000)
    assert 500 <= quiet["rows"] <= 3 * KEPT
    assert "uniform sample" in " ".join(notes)
    (moved,), _ = answer(folder, "--joint", "--window", LATER, "--model", "fraud")
    assert (moved["reconstruction_level"], moved["classifier_level"]) == ("warn", "warn")
    assert moved["reconstruction_error"] > moved["expected_error_high"]
    assert ALARM < moved["auc_low"] < moved["domain_classifier_auc"] < moved["auc_high"]
    alone, _ = answer(folder, "--window", LATER)
    assert [row["psi_level"] for row in alone] == ["ok"] * 3
    assert max(row["psi"] for row in alone) < PSI_WARN / 2
    assert answer(folder, "--joint", "--window", LATER) == answer(folder, "--joint", "--window", LATER)


def test_too_few_rows_give_no_figure_and_the_remedy(folder: Path) -> None:
    (few,), notes = answer(folder, "--joint", "--window", "2026-11-24..2026-11-24T01:00Z")
    assert few["reconstruction_level"] == few["classifier_level"] == "not_enough_data"
    assert few["rows"] < 500 and few["reconstruction_error"] is None
    assert "fewer than 500 rows" in notes[-1]
    none, notes = answer(folder, "--joint", "--window", "2026-10")
    assert none == [] and "--window 2026-11-24" in notes[0]


def test_models_without_reference_or_sample_are_listed_with_the_remedy(tmp_path: Path) -> None:
    """A model that is left out would look like one in which nothing moved."""
    with Store.open(tmp_path) as ledger:
        put(ledger, sent(0, 0.8, "bare"), 0)
        key = {"model": "plain", "model_version": "1", "minute": START, "count": 7}
        write(ledger, prediction_sums=[{**key, "reference": "plain@1"}])
    rows, notes = answer(tmp_path, "--joint", "--window", SPAN)
    assert [(row["model"], row["classifier_level"]) for row in rows] == [
        ("bare", "no_reference"), ("plain", "no_reference")
    ]  # fmt: skip
    assert "--sample 200" in notes[-1]


def test_a_reference_of_a_window_keeps_the_rows_of_that_window(folder: Path, tmp_path: Path) -> None:
    """Compared with the turned hours themselves the turned hours are as they should be."""
    words = ["reference", "create", "fraud", "--store", folder, "--sample", KEPT, "--window"]
    bare = command(*words, "2026-11-24T07:00Z..2026-11-24T08:00Z")
    assert bare.exit_code != 0
    early = command("reference", "create", "late", "--store", tmp_path, "--window", SPAN, "--sample", 9)
    assert early.exit_code != 0
    with Store.open(folder, read_only=True) as ledger:
        before = ledger.rows("reference_samples").num_rows
    made = command(*words, LATER)
    assert made.exit_code == 0, made.output
    with Store.open(folder) as ledger:
        assert 500 <= ledger.rows("reference_samples").num_rows - before <= 3 * KEPT
        for hour in range(HOURS, HOURS + 3):
            put(ledger, sent(hour, -0.8), hour)
    (found,), _ = answer(folder, "--joint", "--window", "2026-11-24T06:00Z..2026-11-24T09:00Z")
    assert (found["reconstruction_level"], found["classifier_level"]) == ("ok", "ok")


def test_the_page_shows_the_same_figures_once_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened("drift", folder, monkeypatch, range=LATER)
    assert "no longer go together" in words(page)
    page.toggle(key=TOGETHER).set_value(True).run()
    assert not page.exception
    table = page.dataframe[-1].value
    (row,), notes = answer(folder, "--joint", "--window", LATER)
    for name in ("reconstruction_error", "domain_classifier_auc", "auc_low", "classifier_level"):
        assert table[name].tolist() == [row[name]]
    assert "habits of the trade" in words(page) and any("habits of the trade" in note for note in notes)
