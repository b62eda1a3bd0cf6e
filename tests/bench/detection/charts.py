"""The plots of docs/detection.md, as SVG."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import vl_convert as vlc

from tests.bench.detection.false_alarms import Row

NEVER = 2_000
"""Where a rule that never alarms is drawn, minutes."""


def false_alarms(rows: list[Row], folder: Path, name: str) -> None:
    """Share of unchanged weeks with an alarm, by rule and traffic."""
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            x=alt.X(
                "alarm:Q", title="share of unchanged weeks with an alarm", scale=alt.Scale(domain=[0, 1])
            ),
            y=alt.Y("rule:N", title=None, sort=None),
            row=alt.Row("traffic:N", title=None, sort=None),
            color=_by_rule(),
        )
        .properties(width=420)
    )
    _write(bars, folder / f"{name}.svg")


def delays(rows: list[Row], folder: Path, name: str, title: str, kept: tuple[str, ...]) -> None:
    """Median minutes to the alarm, by change; a rule that never alarms stands at the top."""
    drawn = [r | {"minutes": NEVER if r["median_minutes"] == "never" else r["median_minutes"]} for r in rows]
    shown = [r for r in drawn if r["rule"] in kept]
    lines = (
        alt.Chart(alt.Data(values=shown))
        .mark_line(point=True)
        .encode(
            x=alt.X("change:O", title=title, sort=None),
            y=alt.Y("minutes:Q", title=f"median minutes; {NEVER} is never", scale=alt.Scale(type="log")),
            color=alt.Color("rule:N", title=None, legend=alt.Legend(labelLimit=400)),
            strokeDash=alt.StrokeDash("rule:N", legend=None),
        )
        .properties(width=420, height=280)
    )
    _write(lines, folder / f"{name}.svg")


def flights(rows: list[Row], folder: Path) -> None:
    """Accuracy by month, as labels say it and as the estimate without labels does."""
    both = [
        {"month": r["month"], "accuracy": r[column], "what": what}
        for r in rows
        for column, what in (("accuracy", "by labels"), ("estimated_accuracy", "estimated without labels"))
    ]
    lines = (
        alt.Chart(alt.Data(values=both))
        .mark_line(point=True)
        .encode(
            x=alt.X("month:O", title="month of 2013"),
            y=alt.Y("accuracy:Q", title="accuracy", scale=alt.Scale(zero=False)),
            color=alt.Color("what:N", title=None),
        )
        .properties(width=420, height=220)
    )
    _write(lines, folder / "flights.svg")


def _by_rule() -> alt.Color:
    return alt.Color("rule:N", legend=None)


def _write(chart: alt.TopLevelMixin, path: Path) -> None:
    white = chart.configure(background="white")
    path.write_text(vlc.vegalite_to_svg(white.to_json()) + "\n", encoding="utf-8")
