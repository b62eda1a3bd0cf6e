"""NannyML's figures of a file by chunk, in its own environment: what `driftledger evaluate` is compared with.

Usage: python nannyml_figures.py SPECIFICATION.json; prints {"column|metric|method": [value of each chunk]}
with our names.  The specification has reference, data and labels (files), chunk (rows) and the roles of
COLUMNS.yaml.
"""

import json
import os
import sys
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

DRIFT = {
    "jensen_shannon": "jensen_shannon_distance",
    "kolmogorov_smirnov": "kolmogorov_smirnov",
    "wasserstein": "wasserstein",
    "hellinger": "hellinger",
    "l_infinity": "l_infinity",
    "chi2": "chi2",
}
RATES = ["accuracy", "f1", "precision", "recall", "specificity", "roc_auc"]
LOSSES = ["mae", "mse", "rmse"]


def frame(path: str) -> pd.DataFrame:
    return pd.read_csv(path) if path.endswith(".csv") else pd.read_parquet(path)


def drift(spec: dict, reference: pd.DataFrame, data: pd.DataFrame, features: list[str]) -> dict:
    classes = [] if spec.get("problem") == "regression" else [spec["prediction"]]
    scores = [spec["score"]] if "score" in spec else list(spec.get("scores", {}).values())
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=[*features, *scores, spec["prediction"]],
        treat_as_categorical=classes,
        continuous_methods=["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"],
        categorical_methods=["jensen_shannon", "chi2", "hellinger", "l_infinity"],
        timestamp_column_name=spec.get("timestamp"),
        chunk_size=spec["chunk"],
    )
    calculator.fit(reference)
    result = calculator.calculate(data).filter(period="analysis").to_df()
    found = {}
    for column, method, part in result.columns:
        if part == "value":
            found[f"{column}|{DRIFT[method]}"] = result[(column, method, part)].tolist()
    return found


def reconstruction(spec: dict, reference: pd.DataFrame, data: pd.DataFrame, features: list[str]) -> dict:
    calculator = nannyml.DataReconstructionDriftCalculator(
        column_names=features, timestamp_column_name=spec.get("timestamp"), chunk_size=spec["chunk"]
    )
    calculator.fit(reference)
    result = calculator.calculate(data).filter(period="analysis").to_df()
    return {"|reconstruction_error": result[("reconstruction_error", "value")].tolist()}


def performance(spec: dict, reference: pd.DataFrame, data: pd.DataFrame, features: list[str]) -> dict:
    common = {
        "y_pred": spec["prediction"],
        "y_true": spec["label"],
        "timestamp_column_name": spec.get("timestamp"),
        "chunk_size": spec["chunk"],
    }
    regression = spec.get("problem") == "regression"
    metrics = LOSSES if regression else RATES
    found = {}
    problem = "regression" if regression else "classification_multiclass" if "scores" in spec else None
    common["problem_type"] = problem or "classification_binary"
    if not regression:
        common["y_pred_proba"] = spec.get("scores") or spec["score"]
        estimator = nannyml.CBPE(metrics=metrics, **common)
        estimator.fit(reference)
        result = estimator.estimate(data).filter(period="analysis").to_df()
        found |= {f"|{m}|estimated": result[(m, "value")].tolist() for m in metrics}
    if spec["label"] in data.columns:
        calculator = nannyml.PerformanceCalculator(metrics=metrics, **common)
        calculator.fit(reference)
        result = calculator.calculate(data).filter(period="analysis").to_df()
        found |= {f"|{m}|realized": result[(m, "value")].tolist() for m in metrics}
    return found


def main() -> None:
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    reference, data = frame(spec["reference"]), frame(spec["data"])
    if spec.get("labels"):
        key = spec["prediction_id"]
        data = data.merge(frame(spec["labels"])[[key, spec["label"]]], on=key, how="left")
    roles = {spec.get(r) for r in ("timestamp", "prediction_id", "prediction", "score", "label")}
    roles |= set(spec.get("scores", {}).values()) | set(spec.get("ignore", []))
    features = [c for c in reference.columns if c not in roles]
    for column in features:
        if column not in data.columns:
            data[column] = np.nan
    figures = drift(spec, reference, data, features)
    figures |= reconstruction(spec, reference, data, features)
    figures |= performance(spec, reference, data, features)
    print(json.dumps({"version": nannyml.__version__, "figures": figures}))


if __name__ == "__main__":
    main()
