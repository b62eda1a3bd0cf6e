"""Models of several classes and regressions in a file, with the numbers that scikit-learn gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    brier_score_loss,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from threadpoolctl import threadpool_info, threadpool_limits

from detectors import loss_estimate
from detectors.encoding import Encoding
from pipeline.errors import ConfigError
from tests.evaluate.evaluating import Numbers, numbers, run

NAMES = ("a", "b", "c")


def evaluated(folder: Path, before: dict[str, Any], data: dict[str, Any], roles: str) -> Numbers:
    for name, rows in (("before", before), ("data", data)):
        pq.write_table(pa.table(rows), folder / f"{name}.parquet")
    (folder / "columns.yaml").write_text(roles, encoding="utf-8")
    files = ("--reference", folder / "before.parquet", "--data", folder / "data.parquet")
    return numbers(run(*files, "--columns", folder / "columns.yaml", "--chunk", "1000", "-o", "json"))


def classes(seed: int) -> dict[str, Any]:
    """Scores of three classes that are the chances with which the labels are drawn."""
    rng = np.random.default_rng(seed)
    chances = np.round(rng.dirichlet([1.0, 1.5, 2.0], 1_000), 3)
    drawn = (chances.cumsum(axis=1) > rng.random(1_000)[:, None]).argmax(axis=1)
    said = chances.argmax(axis=1)
    scores = {f"p_{name}": chances[:, i] for i, name in enumerate(NAMES)}
    return {**scores, "said": np.array(NAMES)[said], "true": np.array(NAMES)[drawn]}


def test_several_classes_are_the_mean_of_each_against_the_rest(tmp_path: Path) -> None:
    """Macro means, as in scikit-learn, and an estimate that is near them before any label comes."""
    data = classes(2)
    roles = "prediction: said\nlabel: true\nscores: {a: p_a, b: p_b, c: p_c}\n"
    found = evaluated(tmp_path, classes(1), data, roles)
    scores = np.stack([data[f"p_{name}"] for name in NAMES], axis=1)
    scores /= scores.sum(axis=1, keepdims=True)
    expected = {
        "f1": f1_score(data["true"], data["said"], average="macro"),
        "precision": precision_score(data["true"], data["said"], average="macro"),
        "recall": recall_score(data["true"], data["said"], average="macro"),
        "accuracy": (data["true"] == data["said"]).mean(),
        "roc_auc": roc_auc_score(data["true"], scores, multi_class="ovr"),
    }
    for name, value in expected.items():
        exact = 1e-3 if name == "roc_auc" else 1e-12
        assert found[(0, f"|{name}|realized")]["value"] == pytest.approx(value, abs=exact)
        assert found[(0, f"|{name}|estimated")]["value"] == pytest.approx(value, abs=0.06)


def test_scores_are_as_wrong_as_scikit_learn_says(tmp_path: Path) -> None:
    """Brier score and calibration error of scores that are too sure, by figures made without our code."""
    rng = np.random.default_rng(7)
    chance = rng.random(1_000)
    score = np.round(np.where(chance > 0.5, chance**0.5, chance**2), 4)
    rows = {"score": score, "said": score > 0.5, "paid": rng.random(1_000) < chance}
    roles = "score: score\nprediction: said\nlabel: paid\nvalues: {tp: 10, fp: -3, fn: -40, tn: 0.5}\n"
    found = evaluated(tmp_path, rows, rows, roles)
    brier = found[(0, "|brier_score|realized")]
    assert brier["value"] == pytest.approx(brier_score_loss(rows["paid"], score), abs=1e-12)
    assert brier["low"] < brier["value"] < brier["high"]
    happened, said = calibration_curve(rows["paid"], score, n_bins=10)
    sizes = np.histogram(score, np.linspace(0, 1, 11))[0]
    gap = (np.abs(happened - said) * sizes[sizes > 0]).sum() / 1_000
    assert gap > 0.1, "else a wrong sum could not be told from a right one"
    assert found[(0, "|calibration_error|realized")]["value"] == pytest.approx(gap, abs=2e-3)
    (tn, fp), (fn, tp) = confusion_matrix(rows["paid"], rows["said"])
    worth = 10 * tp - 3 * fp - 40 * fn + 0.5 * tn
    assert found[(0, "|business_value|realized")]["value"] == pytest.approx(worth, abs=1e-9)
    assert [found[(0, f"|{cell}|realized")]["value"] for cell in ("tp", "fp", "fn", "tn")] == [tp, fp, fn, tn]


def prices(seed: int, noise: float) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    size = rng.uniform(20, 200, 1_000)
    true = size * 100 + rng.normal(0, 1, 1_000) * size * noise
    return {"size": size, "said": size * 100, "price": true}


def test_a_regression_is_known_by_its_numbers(tmp_path: Path) -> None:
    """Errors grow with the size: larger flats are worse predicted, which is known before any label."""
    before, after = prices(1, 10.0), prices(3, 10.0)
    data = {name: values[np.argsort(after["size"])[500:]] for name, values in after.items()}
    found = evaluated(tmp_path, before, data, "prediction: said\nlabel: price\n")
    loss = np.abs(data["said"] - data["price"])
    assert found[(0, "|mae|realized")]["value"] == pytest.approx(loss.mean())
    assert found[(0, "|rmse|realized")]["value"] == pytest.approx(np.sqrt((loss**2).mean()))
    mae = found[(0, "|mae|estimated")]
    assert mae["value"] == pytest.approx(loss.mean(), rel=0.2) and mae["level"] == "ok"
    assert mae["value"] > 1.2 * np.abs(before["said"] - before["price"]).mean()


def test_one_word_among_numbers_makes_no_classes_of_them(tmp_path: Path) -> None:
    """A CSV's column with one n.a. in it is texts: three thousand prices were as many classes, all wrong."""
    before, after = prices(1, 10.0), prices(3, 10.0)
    words = ["n.a.", *(f"{price:.2f}" for price in after["price"][1:])]
    texts = {"said": [f"{said:.2f}" for said in after["said"]], "price": words, "size": after["size"]}
    found = evaluated(
        tmp_path,
        before | {"price": [f"{p:.2f}" for p in before["price"]]},
        texts,
        "prediction: said\nlabel: price\n",
    )
    loss = np.abs(after["said"] - after["price"])[1:]
    assert found[(0, "|mae|realized")]["value"] == pytest.approx(loss.mean(), abs=0.02)
    assert found[(0, "|mae|realized")]["count"] == len(loss)


def test_trees_of_a_regression_do_not_wait_for_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside two busy processes OpenMP's threads spun for a minute over what one does in a second."""
    used: list[int] = []

    class Watched(loss_estimate.HistGradientBoostingRegressor):
        def fit(self, *arguments: Any) -> Any:
            used.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "openmp")
            return super().fit(*arguments)

        def predict(self, rows: Any) -> Any:
            used.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "openmp")
            return super().predict(rows)

    monkeypatch.setattr(loss_estimate, "HistGradientBoostingRegressor", Watched)
    numbers, none = np.arange(100.0), Encoding({}, {}, {})
    with threadpool_limits(2, user_api="openmp"):
        loss_estimate.LossEstimate.of({}, numbers, numbers, none).expected({}, numbers)
    assert len(used) >= 4 and set(used) == {1}


def test_a_regression_that_errs_more_is_told(tmp_path: Path) -> None:
    """The judge of accuracy needs right and wrong: wrong is an error that one in twenty had before."""
    found = evaluated(tmp_path, prices(1, 10.0), prices(2, 40.0), "prediction: said\nlabel: price\n")
    assert found[(0, "|accuracy|e_detector")]["level"] == "act"
    assert found[(0, "|estimate_audit|e_test")]["level"] == "invalid"


def test_a_truth_in_letters_is_that_of_a_column_of_booleans(tmp_path: Path) -> None:
    """One tool writes True into a CSV with semicolons, another a boolean into Parquet: one class."""
    rng = np.random.default_rng(4)
    score = rng.random(600)
    true = rng.random(600) < score
    before = {"score": score, "said": score > 0.5, "true": true}
    lines = ["score;said;true"]
    lines += [
        f"{s:.17g};{s > 0.5};{bool(t) if i else ''}" for i, (s, t) in enumerate(zip(score, true, strict=True))
    ]
    (tmp_path / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    pq.write_table(pa.table(before), tmp_path / "before.parquet")
    roles = "score: score\nprediction: said\nlabel: true\npositive_class: True\n"
    (tmp_path / "columns.yaml").write_text(roles, encoding="utf-8")
    files = ("--reference", tmp_path / "before.parquet", "--data", tmp_path / "data.csv")
    found = numbers(run(*files, "--columns", tmp_path / "columns.yaml", "--chunk", "600", "-o", "json"))
    assert found[(0, "said|unseen_rate|rows")]["value"] == 0
    right = ((score > 0.5) == true)[1:].mean()
    assert found[(0, "|accuracy|realized")]["value"] == pytest.approx(right)


def test_answers_in_another_spelling_are_an_error_and_dates_are_no_features(tmp_path: Path) -> None:
    """1 and 0 against yes and no would be a thousand numbers about nothing."""
    rng = np.random.default_rng(0)
    score = rng.random(200)
    yes = np.where(rng.random(200) < score, "yes", "no")
    days = pa.array(np.arange(200, dtype=np.int32)).cast(pa.date32())
    rows = {"score": score, "said": np.where(score > 0.5, "yes", "no"), "true": yes, "opened": days}
    roles = 'prediction: said\nlabel: true\nscore: score\npositive_class: "yes"\n'
    found = evaluated(tmp_path, rows, rows, roles)
    assert not [key for key in found if "opened" in repr(key)]
    ones = {**rows, "said": (score > 0.5).astype(int), "true": (yes == "yes").astype(int)}
    pq.write_table(pa.table(ones), tmp_path / "ones.parquet")
    files = ("--reference", tmp_path / "before.parquet", "--data", tmp_path / "ones.parquet")
    done = run(*files, "--columns", tmp_path / "columns.yaml", "-o", "json")
    assert isinstance(done.exception, ConfigError)
    assert "write answers as in the reference: no, yes" in str(done.exception)


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        ((0.0, 1.0, 2.0), ("0.0", "1.0", "2.0")),
        (("True", "False", "Maybe"), ("True", "False", "Maybe")),
    ],
)
def test_classes_are_named_as_a_person_reads_them(tmp_path: Path, classes: Any, written: Any) -> None:
    """A float's 1.0 is the class 1 of the file: who wrote 1.0 was told that 1 had no column."""
    rng = np.random.default_rng(3)
    score = rng.dirichlet([1, 1, 1], 300)
    said = [classes[k] for k in score.argmax(axis=1)]
    rows = {"said": said, "true": said, **{f"p{k}": score[:, k] for k in range(3)}}
    scores = ", ".join(f"'{name}': p{k}" for k, name in enumerate(written))
    found = evaluated(tmp_path, rows, rows, f"prediction: said\nlabel: 'true'\nscores: {{{scores}}}\n")
    assert found[(0, "|accuracy|realized")]["value"] == 1
    assert found[(0, "|roc_auc|realized")]["value"] > 0.99, "each class with its own scores"


def test_labels_in_another_spelling_are_an_error_too(tmp_path: Path) -> None:
    """Small letters against capitals were an accuracy of nothing, and a call to act."""
    rows = {"said": ["A", "B", "C"] * 50, "true": ["A", "B", "C"] * 50}
    evaluated(tmp_path, rows, rows, "prediction: said\nlabel: 'true'\n")
    pq.write_table(pa.table({**rows, "true": ["a", "b", "c"] * 50}), tmp_path / "small.parquet")
    files = ("--reference", tmp_path / "before.parquet", "--data", tmp_path / "small.parquet")
    done = run(*files, "--columns", tmp_path / "columns.yaml", "-o", "json")
    assert "true: 'a, b, c' is not valid; write answers as in the reference: A, B, C" in str(done.exception)
