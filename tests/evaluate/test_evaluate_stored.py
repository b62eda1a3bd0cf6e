"""References of files: registered, frozen, and what a file of predictions is evaluated against."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from detectors.reference_build import build
from pipeline.cli.app import app
from pipeline.registry import freeze, register
from pipeline.settings.store import StoreSettings
from pipeline.store import Store
from tests.evaluate.evaluating import Numbers, numbers, run
from tests.evaluate.predictions_file import COLUMNS, columns

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def reference(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["reference", *map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with the reference of a file, and data in which half has drifted."""
    found = tmp_path_factory.mktemp("stored")
    pq.write_table(pa.table(columns(4_000, 1, drift=False)), found / "reference.parquet")
    pa.csv.write_csv(pa.table(columns(4_000, 2, drift=True)), found / "data.csv")
    (found / "columns.yaml").write_text(COLUMNS, encoding="utf-8")
    made = reference(
        "create", "loan", "--data", found / "reference.parquet", "--columns", found / "columns.yaml",
        "--store", found / "ledger",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "4,000 predictions" in made.output and "income (10 bins), country (3 categories)" in made.output
    return found


def test_the_command_names_a_segment_and_objectives(folder: Path, tmp_path: Path) -> None:
    """What a reader declares must stand in the reference that is registered."""
    asked = ("create", "loan", "--data", folder / "reference.parquet", "--columns", folder / "columns.yaml")
    more = ("--segment", "country", "--objective", "time_to_first_token=0.5", "--store", tmp_path)
    told = reference(*asked, *more).output
    assert "segments   by country" in told and "objective  time_to_first_token 0.5 s" in told
    with Store.open(tmp_path, read_only=True) as store:
        made = store.references()["loan"]
    assert (made.segment, made.objectives) == ("country", (("time_to_first_token", 0.5),))


def test_the_command_keeps_a_reference_in_use(folder: Path, tmp_path: Path) -> None:
    """A training run that registers at night must not change what the day is judged by."""
    ledger = tmp_path / "ledger"
    shutil.copytree(folder / "ledger", ledger)
    kept = reference("freeze", "loan@", "--store", ledger)
    assert kept.exit_code == 0 and "frozen     now" in kept.output
    assert "already; nothing was changed" in reference("freeze", "loan@", "--store", ledger).output
    pq.write_table(pa.table(columns(1_000, 9, drift=False)), tmp_path / "later.parquet")
    later = reference(
        "create", "loan", "--data", tmp_path / "later.parquet", "--columns", folder / "columns.yaml",
        "--store", ledger,
    )  # fmt: skip
    name = re.search(r"reference  (loan@\S+)", kept.output)
    assert name is not None and f"in use     {name[1]}" in later.output


def evaluated(folder: Path, *against: str | Path) -> Numbers:
    asked = (
        "--data",
        folder / "data.csv",
        "--columns",
        folder / "columns.yaml",
        "--chunk",
        "2000",
        "-o",
        "json",
    )
    return numbers(run("--reference", *against, *asked))


def test_a_registered_reference_says_what_its_file_says(folder: Path) -> None:
    """The ledger and the file must not give two verdicts on one month."""
    stored = evaluated(folder, "loan@", "--store", folder / "ledger")
    file = evaluated(folder, folder / "reference.parquet")
    for chunk in (0, 1):
        for name in ("income|psi|bins", "country|psi|bins", "score|psi|bins", "|accuracy|estimated"):
            assert stored[(chunk, name)]["value"] == pytest.approx(file[(chunk, name)]["value"], abs=1e-9), (
                name
            )
        for name in ("|drift|e_detector", "|accuracy|e_detector"):
            mine, theirs = (
                next(r for (c, key), r in of.items() if c == chunk and key.endswith(name))
                for of in (stored, file)
            )
            # Not equal: a registered reference counts its overdispersion by real minutes, a file by blocks.
            assert mine["level"] == theirs["level"], name
            assert mine["value"] == pytest.approx(theirs["value"], rel=0.1), name


def test_bins_bound_the_statistic_of_the_rows(folder: Path) -> None:
    """A distance from bins is honest only with its bound."""
    stored = evaluated(folder, "loan@", "--store", folder / "ledger")
    file = evaluated(folder, folder / "reference.parquet")
    for chunk in (0, 1):
        binned = stored[(chunk, "income|kolmogorov_smirnov|bins")]
        exact = file[(chunk, "income|kolmogorov_smirnov_exact|rows")]["value"]
        assert binned["value"] - 1e-12 <= exact <= binned["high"]


def test_a_window_of_the_reference_file_is_what_counts(folder: Path) -> None:
    """The last good week of a long file, not all of it."""
    path = folder / "reference.parquet"
    part = evaluated(folder, path, "--reference-window", "2026-03-01..2026-03-02")
    assert part[(0, "income|psi|bins")]["value"] != evaluated(folder, path)[(0, "income|psi|bins")]["value"]
    none = run(
        "--reference", path, "--reference-window", "2025-03-01..2025-03-02", "--data", folder / "data.csv",
        "--columns", folder / "columns.yaml",
    )  # fmt: skip
    assert "the file is of 2026-03-01" in str(none.exception)


def test_a_frozen_reference_stays_in_use(tmp_path: Path) -> None:
    """A pipeline that registers one every night must not move the mark of a model under watch."""
    times = pa.array([NOON + timedelta(minutes=m) for m in range(40)], pa.timestamp("us", "UTC"))
    first = build(pa.table({"time": times}), model="m")
    built = [first, *(replace(first, latency_budget=budget).identified() for budget in (0.1, 0.2))]
    with Store.open(StoreSettings(tmp_path / "ledger")) as store:
        for n, one in enumerate(built[:2]):
            register(store, one, NOON + timedelta(days=n))
        assert store.references()["m"] == built[1]
        assert freeze(store, built[0]) and not freeze(store, built[0])
        register(store, built[2], NOON + timedelta(days=9))
        assert store.references()["m"] == built[0]
        assert freeze(store, built[2]) and store.references()["m"] == built[2]
        assert store.reference(built[1].reference) == built[1]


def test_a_reference_knows_its_classes() -> None:
    times = [datetime(2026, 10, 5, tzinfo=UTC) + timedelta(hours=h) for h in range(3)]
    rows = pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "prediction_id": [str(n) for n in range(len(times))],
            "prediction": ["a"] * len(times),
        }
    )
    labels = pa.table({"prediction_id": ["0", "1", "2"], "label": ["b", "a", "a"]})
    found = build(rows, labels, model="m")
    assert (found.classes, found.class_counts) == (("a", "b"), (2, 1))


def test_rare_categories_that_were_there_before_warn_of_nothing(tmp_path: Path) -> None:
    """Sixty states, of which a reference keeps fifty: the same file warned of ten that it had seen."""
    rows = {"state": [f"s{i % 60}" for i in range(1_200)], "said": ["yes", "no"] * 600}
    pq.write_table(pa.table(rows), tmp_path / "r")
    pq.write_table(
        pa.table({**rows, "state": [f"s{i % 60}" if i % 4 else "new" for i in range(1_200)]}), tmp_path / "d"
    )
    (tmp_path / "c.yaml").write_text("prediction: said\n", encoding="utf-8")
    stored = ("--columns", tmp_path / "c.yaml", "--store", tmp_path / "ledger")
    assert reference("create", "m", "--data", tmp_path / "r", *stored).exit_code == 0
    found = {}
    for name in ("r", "d"):
        asked = ("--reference", "m@", "--data", tmp_path / name, "--chunk", "1200", "-o", "json", *stored)
        rows_of = numbers(run(*asked))
        found[name] = [
            rows_of[(0, f"state|{metric}|rows")]["level"] for metric in ("unseen_rate", "categories")
        ]
    assert found == {"r": ["ok", None], "d": ["warn", None]}


def test_a_reference_without_the_label_that_was_named_says_so(tmp_path: Path) -> None:
    """A slip in its name left the model without an accuracy to be judged by."""
    pq.write_table(pa.table({"said": ["yes", "no"] * 50, "true": ["yes", "no"] * 50}), tmp_path / "r")
    (tmp_path / "c.yaml").write_text("prediction: said\nlabel: True\n", encoding="utf-8")
    told = reference(
        "create", "m", "--data", tmp_path / "r", "--columns", tmp_path / "c.yaml", "--store", tmp_path / "l"
    )
    assert "r has no column True: the reference knows no labels" in told.output
