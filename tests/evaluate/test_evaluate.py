"""`driftledger evaluate`: a file of predictions against a reference, as a data scientist first tries it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.evaluate import predictions_file
from tests.evaluate.evaluating import Numbers, evaluated, level, numbers, run
from tests.evaluate.predictions_file import CHUNK, COLUMNS, columns

FIGURES = json.loads((Path(__file__).parent / "nannyml_figures.json").read_text(encoding="utf-8"))
"""Of the same files, by `python -m tests.evaluate.nannyml_golden` in NannyML's environment (make bench)."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return predictions_file.write(tmp_path_factory.mktemp("evaluate"))


@pytest.fixture(scope="module")
def found(whole: tuple[Path, Path, Path]) -> Numbers:
    reference, data, roles = whole
    asked = ("--reference", reference, "--data", data, "--columns", roles, "--chunk", str(CHUNK))
    return numbers(run(*asked, "-o", "json"))


def test_every_figure_is_nannymls(found: Numbers) -> None:
    """Who compares the two tools on one file must find no other number."""
    compared = 0
    for name, values in FIGURES["figures"].items():
        column, metric, *method = name.split("|")
        for chunk, theirs in enumerate(values):
            how = method or ["bins", "rows"]
            ours = next(
                found[key]["value"] for m in how if (key := (chunk, f"{column}|{metric}|{m}")) in found
            )
            assert ours == pytest.approx(theirs, abs=1e-6, rel=1e-9), (name, chunk)
            compared += 1
    assert compared == 174


def test_drift_is_found_where_it_begins_and_the_culprits_are_named(found: Numbers) -> None:
    """A verdict that says nothing, or before anything happened, is worth less than none."""
    drift = {
        c: found[key]
        for c in range(6)
        for key in found
        if key[0] == c and key[1].endswith("drift|e_detector")
    }
    assert [drift[c]["level"] for c in range(3)] == ["ok"] * 3
    assert [drift[c]["level"] for c in range(3, 6)] == ["warn"] * 3
    assert drift[5]["column"] == "country, income"
    assert level(found, "|estimate_audit|e_test", 5) == "ok"


def test_all_features_together_differ_where_the_data_does(found: Numbers) -> None:
    """Drift that no single column shows is what the two are for; without drift neither may show any."""
    areas = [found[(chunk, "|domain_classifier_auc|sample")] for chunk in range(6)]
    assert [area["level"] for area in areas[:3]] == ["ok"] * 3 and areas[0]["low"] < 0.5 < areas[0]["high"]
    assert min(area["low"] for area in areas[3:]) > 0.55


def test_intervals_hold_their_value(found: Numbers) -> None:
    """An interval beside its own value is a mistake that a reader cannot see."""
    held = [r for r in found.values() if r["low"] is not None]
    assert len(held) > 100
    assert all(r["low"] - 1e-12 <= r["value"] <= r["high"] + 1e-12 for r in held)


def test_the_binned_statistic_is_within_its_bound(found: Numbers) -> None:
    """A bound that does not hold is no bound, and one that is wide says nothing."""
    held = [key for key in found if key[1].endswith(("|kolmogorov_smirnov|bins", "|wasserstein|bins"))]
    assert len(held) == 2 * 2 * 6, "two distances of two columns of numbers in six chunks"
    for chunk, name in held:
        binned, exact = found[(chunk, name)], found[(chunk, name.replace("|bins", "_exact|rows"))]
        assert binned["low"] - 1e-12 <= exact["value"] <= binned["high"] + 1e-12
        if "wasserstein" in name:
            range_of_sd = 2e-4 * 30  # two bins of 10,000, of a range of at most 30 deviations
            assert (
                binned["high"] - binned["value"]
                < range_of_sd
                * exact["value"]
                / found[(chunk, name.replace("wasserstein|bins", "normed_wasserstein|rows"))]["value"]
            )


def test_numbers_have_the_distances_of_texts(found: Numbers) -> None:
    """Chi-squared and the largest change of a bin, over the ten bins that the PSI is of."""
    for column in ("income", "score"):
        for name in ("chi2", "chi2_p_value", "l_infinity"):
            quiet, moved = (found[(chunk, f"{column}|{name}|bins")]["value"] for chunk in (0, 5))
            assert (moved < 1e-6 < quiet) if name == "chi2_p_value" else (0 <= quiet < moved)


def test_the_table_has_a_line_a_chunk(whole: tuple[Path, Path, Path]) -> None:
    """Thousands of numbers are no answer for a person."""
    reference, data, roles = whole
    done = run("--reference", reference, "--data", data, "--columns", roles, "--chunk", "day")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("CHUNK") and "ACCURACY_ESTIMATED" in lines[0]
    assert (
        lines[1].split()[:3] == ["0", "0", "2,400"] and len([x for x in lines if x.startswith("    ")]) == 5
    )


def test_few_labels_of_a_file_of_their_own(tmp_path: Path) -> None:
    """Labels come late, elsewhere, twice, and of predictions that are not here."""
    rows = columns(4_000, 3, drift=False)
    paid = rows.pop("paid")
    some = pa.table({"id": [*range(0, 4_000, 20), 0, 9_999_999], "paid": [*paid[::20].tolist(), 7, 1]})
    pa.csv.write_csv(some, tmp_path / "labels.csv")
    found = evaluated(tmp_path, pa.table(rows), labels=str(tmp_path / "labels.csv"), chunk="4000")
    told = run(
        "--reference", tmp_path / "reference.parquet", "--data", tmp_path / "data.parquet",
        "--columns", tmp_path / "columns.yaml", "--labels", tmp_path / "labels.csv", "-o", "json",
    )  # fmt: skip
    notes = json.loads(told.stdout)["notes"]
    assert "labels.csv: 1 labels are of predictions that the data does not have" in notes
    assert "labels.csv: 1 predictions have labels that differ; the last one counts" in notes
    assert found[(0, "|label_coverage|rows")]["value"] == pytest.approx(0.05)
    truth = float((rows["said"] == paid).mean())
    for method in ("realized", "prediction_powered", "post_stratified"):
        row = found[(0, f"|accuracy|{method}")]
        assert row["low"] <= truth <= row["high"], method
    assert found[(0, "|accuracy|estimated")]["value"] == pytest.approx(truth, abs=0.03)
    powered, alone = (found[(0, f"|accuracy|{m}")] for m in ("prediction_powered", "realized"))
    assert powered["high"] - powered["low"] <= alone["high"] - alone["low"]


def test_an_estimate_that_labels_refute_is_invalid(tmp_path: Path) -> None:
    """Scores know nothing of a changed concept; an estimate that goes on as before would hide the harm."""
    rows = columns(2_000, 3, drift=False)
    rows["paid"] = 1 - rows["paid"]
    found = evaluated(tmp_path, pa.table(rows), chunk="1000")
    assert level(found, "|estimate_audit|e_test") == "invalid"
    assert level(found, "|accuracy|estimated") == "invalid"
    assert level(found, "|accuracy|e_detector", 1) == "act"


def test_a_client_that_sends_each_row_five_times_is_no_evidence_against_the_estimate(tmp_path: Path) -> None:
    """The reference shows how its errors cluster; without that one right file in ten would be `invalid`."""

    def evidence(folder: Path, times: int) -> float:
        folder.mkdir()
        for name, rows, seed in (("reference", 2_000, 1), ("data", 1_000, 3)):
            sent = {key: np.repeat(of, times) for key, of in columns(rows, seed, drift=False).items()}
            sent["id"] = np.arange(rows * times)
            if name == "data":
                sent["paid"] = 1 - sent["paid"]
            pq.write_table(pa.table(sent), folder / f"{name}.parquet")
        (folder / "columns.yaml").write_text(COLUMNS, encoding="utf-8")
        asked = ("--reference", folder / "reference.parquet", "--data", folder / "data.parquet")
        found = numbers(run(*asked, "--columns", folder / "columns.yaml", "-o", "json", "--chunk", "100000"))
        return float(found[(0, "|estimate_audit|e_test")]["value"])

    once = evidence(tmp_path / "once", 1)
    assert evidence(tmp_path / "five", 5) == pytest.approx(once, rel=0.4)


def test_bad_values_are_counted_and_alarm(tmp_path: Path) -> None:
    """Text among numbers, a flood of categories, gaps and a constant: each is a number, none ends the run."""
    rows = columns(1_000, 3, drift=False)
    rows["income"] = [f"{v}" if i % 4 else "12 EUR" for i, v in enumerate(rows["income"])]
    rows["country"] = [f"C{i}" for i in range(1_000)]
    rows["score"][:100] = float("nan")
    found = evaluated(tmp_path, pa.table(rows), chunk="1000")
    assert found[(0, "income|unreadable_rate|rows")]["value"] == pytest.approx(0.25)
    assert level(found, "income|unreadable_rate|rows") == "warn"
    assert level(found, "country|categories|rows") == "warn"
    assert found[(0, "country|unseen_rate|rows")]["value"] == 1.0
    assert found[(0, "|roc_auc|estimated")]["count"] == 900


def test_one_class_or_no_label_is_unknown_not_zero(tmp_path: Path) -> None:
    """An area under a curve of one class is nothing, and no label at all is no accuracy of zero."""
    rows = columns(1_000, 3, drift=False)
    rows["paid"][:500] = 1
    table = pa.table(rows)
    table = table.set_column(table.column_names.index("paid"), "paid", pa.array([1] * 500 + [None] * 500))
    found = evaluated(tmp_path, table, chunk="500")
    assert found[(0, "|roc_auc|realized")]["value"] is None
    assert found[(0, "|specificity|realized")]["value"] is None
    assert (1, "|accuracy|realized") not in found and found[(1, "|label_coverage|rows")]["value"] == 0
    assert found[(1, "|accuracy|estimated")]["value"] > 0


def test_text_below_a_thousand_numbers_is_still_one_column(tmp_path: Path) -> None:
    """A CSV is typed by all of its rows; a late "unknown" ended the run in a reader's error."""
    reference = pa.table(columns(2_000, 1, drift=False))
    pa.csv.write_csv(reference, tmp_path / "r.csv")
    lines = (tmp_path / "r.csv").read_text().splitlines()
    cells = lines[-1].split(",")
    cells[2] = "unknown"
    (tmp_path / "d.csv").write_text("\n".join([*lines[:-1], ",".join(cells)]) + "\n")
    (tmp_path / "c.yaml").write_text(COLUMNS, encoding="utf-8")
    asked = (
        "--reference",
        tmp_path / "r.csv",
        "--data",
        tmp_path / "d.csv",
        "--columns",
        tmp_path / "c.yaml",
    )
    found = numbers(run(*asked, "-o", "json", "--chunk", "2000"))
    assert found[(0, "income|unreadable_rate|rows")]["value"] == pytest.approx(1 / 2_000)


def test_a_wrong_column_is_a_sentence_that_says_what_to_write(tmp_path: Path) -> None:
    """The first try has a typing error; it must not end in a stack trace."""
    table = pa.table(columns(100, 3, drift=False))
    pq.write_table(table, tmp_path / "d.parquet")
    (tmp_path / "c.yaml").write_text(COLUMNS, encoding="utf-8")
    cases = {
        COLUMNS.replace("score: score", "score: sc0re"): ("score", "sc0re", "it has time, id, income"),
        COLUMNS + "positive_class: yes_\n": ("positive_class", "yes_", "0, 1"),
        COLUMNS.replace("score: score", "score: income"): ("score", "income", "0 to 1"),
        COLUMNS + "scroe: x\n": ("scroe", "did you mean score"),
        COLUMNS + "features: [income, incme]\n": ("features", "incme"),
        COLUMNS.replace("timestamp: time", "timestamp: income"): ("timestamp", "ISO 8601"),
    }
    for roles, words in cases.items():
        (tmp_path / "c.yaml").write_text(roles, encoding="utf-8")
        both = tmp_path / "d.parquet"
        done = run("--reference", both, "--data", both, "--columns", tmp_path / "c.yaml")
        assert getattr(done.exception, "exit_code", None) == 4, (roles, done.exception)
        assert all(word in str(done.exception) for word in words), str(done.exception)
