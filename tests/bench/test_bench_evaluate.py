"""`driftledger evaluate` against NannyML on the data that its package brings: every figure of every chunk."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from detectors.confusion import RATES
from pipeline.cli.app import app

CLASSES = ("prepaid_card", "highstreet_card", "upmarket_card")
COMMON = {"timestamp": "timestamp", "prediction_id": "id", "prediction": "y_pred"}
BINARY = {**COMMON, "score": "y_pred_proba"}
DATA: dict[str, dict[str, Any]] = {
    "synthetic_car_loan": {**BINARY, "label": "repaid", "chunk": 5_000, "labels": "_analysis_target.csv"},
    "california_housing": {**BINARY, "label": "clf_target", "chunk": 1_000, "labels": "_analysis_gt.csv"},
    "mc": {
        **COMMON,
        "scores": {name: f"y_pred_proba_{name}" for name in CLASSES},
        "label": "y_true",
        "chunk": 6_000,
        "labels": "_analysis_gt.csv",
    },
    "regression_synthetic": {
        **COMMON,
        "problem": "regression",
        "label": "y_true",
        "chunk": 6_000,
        "labels": "_analysis_targets.csv",
    },
    "employment_MA": {
        "prediction_id": "id",
        "prediction": "prediction",
        "score": "predicted_probability",
        "label": "employed",
        "ignore": ["year"],
        "chunk": 20_000,
        "labels": "_analysis_target.pq",
    },
}
ROLES = ("timestamp", "prediction_id", "prediction", "score", "scores", "label", "problem", "ignore")
TIED = {"mc": 1e-5}
"""Where scores of several classes are equal, NannyML's estimated area depends on how NumPy sorts.

Whether a class is calibrated hangs on it too, for them and for us: both are left to the processor's own sort.
"""

LEAST_SHARE = 0.9
"""Of NannyML's figures that have a value: the others are its zeros for rates of nothing."""

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("name", DATA)
def test_every_figure_of_nannymls_own_data_is_the_same(
    name: str, tmp_path: Path, record: Any, nannyml: Path
) -> None:
    """Distances, reconstruction error, CBPE and realized metrics: all that NannyML knows, we do."""
    folder = next(nannyml.parents[1].glob("lib/python3*/site-packages/nannyml/datasets/data"))
    spec = dict(DATA[name])
    ending = "pq" if spec["labels"].endswith("pq") else "csv"
    files = {part: str(folder / f"{name}_{part}.{ending}") for part in ("reference", "analysis")}
    labels = str(folder / f"{name}{spec['labels']}")
    spec |= {"reference": files["reference"], "data": files["analysis"], "labels": labels}
    theirs = _theirs(nannyml, spec, tmp_path)
    ours = _ours(spec, tmp_path)
    worst: dict[str, float] = defaultdict(float)
    known, compared = 0, 0
    for figure, values in theirs["figures"].items():
        metric = figure.split("|", 1)[1]
        for chunk, value in enumerate(values):
            mine = ours.get((figure, chunk))
            if value is None or value != value:
                continue
            known += 1
            if mine is None:  # a rate of nothing is unknown here, and zero there
                assert (metric.split("|")[0] in RATES, value) == (True, 0.0), (figure, chunk)
                continue
            compared += 1
            worst[metric] = max(worst[metric], abs(mine - value) / max(1.0, abs(value)))
    assert len(worst) >= 9
    assert compared >= LEAST_SHARE * known
    for metric, difference in worst.items():
        allowed = TIED.get(name, 1e-6) if metric == "roc_auc|estimated" else 1e-6
        assert difference < allowed, (metric, difference)
    largest = max(worst, key=lambda metric: worst[metric])
    record(
        "evaluate against NannyML",
        data=name,
        nannyml=theirs["version"],
        figures=known,
        compared=compared,
        largest_difference=f"{worst[largest]:.0e}",
        of=largest,
    )


def _theirs(python: Path, spec: dict[str, Any], folder: Path) -> dict[str, Any]:
    asked = folder / "spec.json"
    asked.write_text(json.dumps(spec), encoding="utf-8")
    program = Path(__file__).with_name("nannyml_figures.py")
    done = subprocess.run(
        [str(python), str(program), str(asked)], capture_output=True, text=True, check=True
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _ours(spec: dict[str, Any], folder: Path) -> dict[tuple[str, int], float | None]:
    roles = folder / "columns.yaml"
    roles.write_text(yaml.safe_dump({k: v for k, v in spec.items() if k in ROLES}), encoding="utf-8")
    asked = ["evaluate", "--columns", str(roles), "--chunk", str(spec["chunk"]), "-o", "json"]
    for option in ("reference", "data", "labels"):
        asked += [f"--{option}", spec[option]]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code in (0, 6), done.output
    found: dict[tuple[str, int], float | None] = {}
    for row in json.loads(done.stdout)["rows"]:
        method = f"|{row['method']}" if row["kind"] == "accuracy" else ""
        found[(f"{row['column']}|{row['metric']}{method}", row["chunk"])] = row["value"]
    return found
