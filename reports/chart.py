"""The month on one time axis as SVG: cost a day by team, right answers of each model version, and actions."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from reports.font import FAMILY, shown
from reports.statement import Statement
from reports.words import who

TEAMS = 6
"""Teams with a colour of their own; the rest are one."""
_COLOURS = ["#1f6f6b", "#e0a63a", "#4c72b0", "#b0574c", "#7a6fb0", "#6b8f3a", "#c9d0d8"]
NOON = timedelta(hours=12)
"""Where a day's bar and point stand: it is all of the day."""
_APART = {"titlePadding": 12}
"""A page that has not the chart's own font sets the numbers beside it wider than they were measured."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def title(of: Statement) -> str:
    """What is to be seen on it."""
    parts = ["cost" if of.of else "cost by team"]
    parts += ["right answers"] if _accuracy(of) else []
    parts += ["actions (dashed)"] if of.extras.actions else []
    return f"Day by day: {', '.join(parts)}"


def svg(statement: Statement) -> str | None:
    """None where no day has a cost."""
    return _drawn(json.dumps(_spec(statement))) if statement.extras.days else None


@lru_cache(maxsize=1)
def _drawn(spec: str) -> str:
    """A tenth of a second: the page and the PDF of one statement have it in common."""
    import vl_convert

    made: str = vl_convert.vegalite_to_svg(spec)
    return made


def _spec(of: Statement) -> dict[str, Any]:
    domain = [of.month.start.strftime(_TIME), of.month.end.strftime(_TIME)]
    scale = {"type": "utc", "domain": domain, "padding": 0}
    x = {"field": "time", "type": "temporal", "title": None, "scale": scale,
         "axis": {"format": "%d %b", "tickCount": 8}}  # fmt: skip
    marks = [{"time": row["first"].strftime(_TIME)} for row in of.extras.actions]
    rules: dict[str, Any] = {
        "data": {"values": marks},
        "mark": {"type": "rule", "color": "#c1121f", "strokeDash": [4, 3]},
        "encoding": {"x": {**x}},
    }
    panels = [_costs(of, x)]
    if accuracy := _accuracy(of):
        panels.append(_quality(accuracy, x))
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "vconcat": [{"width": 620, "height": 130, "layer": [panel, rules]} for panel in panels],
        "resolve": {"scale": {"color": "independent"}},
        "config": {"view": {"stroke": None}, "font": FAMILY},
    }


def _costs(of: Statement, x: dict[str, Any]) -> dict[str, Any]:
    sums: dict[str, Decimal] = {}
    for _, team, amount in of.extras.days:
        sums[team] = sums.get(team, Decimal(0)) + amount
    first = sorted(sums, key=lambda t: (-sums[t], t))[:TEAMS]
    values: dict[tuple[str, str], float] = {}
    for day, team, amount in of.extras.days:
        key = ((day + NOON).strftime(_TIME), _plain(team) if team in first else "others")
        values[key] = values.get(key, 0.0) + float(amount)
    rows = [{"time": t, "team": team, "cost": cost} for (t, team), cost in sorted(values.items())]
    return {
        "data": {"values": rows},
        "mark": {"type": "bar", "width": 14},
        "encoding": {
            "x": x,
            "y": {"field": "cost", "type": "quantitative", "title": f"{of.currency} a day", "axis": _APART},
            "color": {"field": "team", "type": "nominal", "title": None,
                      "scale": {"domain": [*map(_plain, first), *(["others"] if len(sums) > TEAMS else [])],
                                "range": _COLOURS}},
        },
    }  # fmt: skip


def _accuracy(of: Statement) -> list[dict[str, Any]]:
    return [
        {
            "time": (r["time"] + NOON).strftime(_TIME),
            "accuracy": r["accuracy"],
            "version": _plain(f"{r['model']} {r['model_version']}"),
        }
        for r in of.extras.quality
        if r["accuracy"] is not None and r["labelled"] >= 10
    ]


def _quality(rows: list[dict[str, Any]], x: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": x,
            "y": {"field": "accuracy", "type": "quantitative", "title": "right answers",
                  "axis": {**_APART, "format": ".2~%", "tickCount": 5}, "scale": {"zero": False}},
            "color": {"field": "version", "type": "nominal", "title": None},
        },
    }  # fmt: skip


def _plain(name: str) -> str:
    """Also what no host's font measures in its own way: the same month is the same picture everywhere."""
    return shown("".join(c if c.isprintable() else "?" for c in who(name)))[:40]
