"""The lines of the timeline: what is known, what is estimated, and what must not be believed any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards import chart, frames
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
