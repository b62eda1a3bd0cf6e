"""The lines of the timeline: what is known, what is estimated, and what must not be believed any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards import chart, frames
from dashboards.spending import Rate
from pipeline.answers.label_lags import label_lags
from pipeline.answers.timeline import timeline
from pipeline.answers.window import Window
from pipeline.store import Store
from tests.ledger import START
from tests.pages.overview_scene import END, fill


def dashed(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Layers of the estimate, wherever they are nested."""
    found = [layer for part in spec.get("vconcat", ()) for layer in dashed(part)]
    for layer in spec.get("layer", ()):
        found += dashed(layer)
    mark = spec.get("mark", {})
    is_estimate = spec.get("encoding", {}).get("y", {}).get("field") == "estimated_accuracy"
    return [*found, spec] if is_estimate and mark.get("strokeDash") else found


def test_an_estimate_is_dashed_and_grey_once_it_is_invalid(tmp_path: Path) -> None:
    """A reader must not take a guess for a count, nor a refuted guess for a guess."""
    with Store.open(fill(tmp_path), read_only=True) as store:
        steps = frames.frame(timeline(store, Window(START, END), 200))
        lags = frames.frame(label_lags(store, Window(START, END), "fraud"))
    steps = steps[steps["model"] == "fraud"].assign(time=lambda f: f["time"].dt.tz_localize("UTC"))
    marks = pd.DataFrame(columns=["time", "kind", "model_version", "what"])
    spec = chart.timeline([], "USD", steps, marks, Window(START, END), selectable=True).to_dict()
    valid, invalid = dashed(spec)
    assert valid["encoding"]["color"]["field"] == "model_version"
    assert invalid["encoding"]["color"] == {"value": "#9a9a9a"}
    rows = {name: pd.DataFrame(spec["datasets"][of["data"]["name"]]).dropna(subset=["estimated_accuracy"])
            for name, of in (("valid", valid), ("invalid", invalid))}  # fmt: skip
    assert set(rows["invalid"]["model_version"]) == {"2"}
    found = pd.to_datetime(rows["invalid"]["time"], utc=True).min()
    assert found >= pd.Timestamp(START + timedelta(minutes=134), tz="UTC")
    assert len(rows["valid"]) + len(rows["invalid"]) == len(steps)
    without = steps.assign(estimated_accuracy=None)
    assert dashed(chart.timeline([], "USD", without, marks, Window(START, END)).to_dict()) == []
    bars = chart.lags(lags).to_dict()
    assert (
        bars["encoding"]["x"]["sort"][0] == "1 minute" and bars["encoding"]["x"]["sort"][-1] == "no label yet"
    )


def test_money_and_what_happened_are_drawn_with_the_quality() -> None:
    """A drop under no line of the deploy, or beside no cost, must be searched for on three pages."""
    steps = pd.DataFrame([("1", 5, 0.9, 40, 0.0, 0.1, None, None)], columns=_STEPS)
    at = [pd.Timestamp(START + timedelta(minutes=m), tz="UTC") for m in (120, 147, 151)]
    kinds, what = ("deploy", "alert", "action"), ("version 2 serves", "accuracy act", "rollback verified")
    marks = pd.DataFrame({"time": at, "kind": kinds, "model_version": "2", "what": what})
    rate = Rate(START, START + timedelta(hours=1), 7.5)
    picture = chart.timeline([rate], "EUR", steps.assign(time=at[0]), marks, Window(START, END))
    spec = picture.to_dict()
    cost, *panels = spec["vconcat"]
    area, *rest = cost["layer"]
    assert (area["mark"]["type"], area["encoding"]["y"]["title"]) == ("area", "EUR an hour")
    money = [(pd.Timestamp(row["time"]), row["rate"]) for row in _rows(spec, area)]
    assert money == [(pd.Timestamp(time, tz="UTC"), 7.5) for time in (rate.time, rate.end)], "one whole step"
    titles = [panel["layer"][0]["encoding"]["y"]["title"] for panel in panels]
    assert titles == ["Requests", "Accuracy", "Failed", "p95, s"]
    for panel in (cost, *panels):
        rules = [layer for layer in panel["layer"] if layer["mark"]["type"] == "rule"]
        drawn = {
            (row["kind"], row["what"], rule["mark"]["color"]) for rule in rules for row in _rows(spec, rule)
        }
        assert drawn == set(zip(kinds, what, ("#1f77b4", "#e08e0b", "#c1121f"), strict=True))
    (said,) = [layer for layer in rest if layer["mark"]["type"] == "text"]
    assert [row["what"] for row in _rows(spec, said)] == ["rollback verified"]


_STEPS = [
    "model_version", "requests", "accuracy", "labelled", "error_rate", "latency_p95", "estimated_accuracy",
    "estimate_level",
]  # fmt: skip


def _rows(spec: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    return spec["datasets"][layer["data"]["name"]]
