"""The overview page without a browser: what it says of a ledger, of an empty one and of none."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import controls, moments, server
from dashboards.view import View
from pipeline.answers.cells import amount
from pipeline.answers.cost import cost
from pipeline.answers.timeline import timeline
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.store import Store
from tests.pages.overview_scene import END, HOSTILE, fill


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("ledger"))


def page(folder: Path, monkeypatch: pytest.MonkeyPatch, **query: str) -> Any:
    monkeypatch.setenv("DRIFTLEDGER__STORE__FOLDER", str(folder))
    app = AppTest.from_file(str(server.SCRIPT), default_timeout=180)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


@pytest.fixture(scope="module")
def overview(ledger: Path) -> Any:
    """The page as it opens; its tests only read it."""
    with pytest.MonkeyPatch.context() as patch:
        return page(ledger, patch)


def words(app: Any) -> str:
    return "\n".join(element.value for kind in (app.text, app.info, app.warning) for element in kind)


def test_the_headline_is_what_the_command_prints(ledger: Path, overview: Any) -> None:
    """Two totals for one window, and nobody trusts either."""
    with Store.open(ledger, read_only=True) as store:
        answer = cost(store, Window(END - timedelta(hours=24), END), ("team",))
    shown = {metric.label: metric.value for metric in overview.metric}
    total = answer.total
    assert total is not None
    money = total[[c.name for c in answer.columns].index("total_cost")]
    assert shown["Spend, USD"] == amount(money)
    assert shown["GPU-hours idle, memory held"] == "1.00"


def test_the_overview_has_a_forecast_and_its_tables_have_files_and_sql(overview: Any) -> None:
    """Who opens the first page asks where the month will end, and takes the table along."""
    assert any(metric.label.startswith("Forecast") for metric in overview.metric)
    labels = [button.label for button in overview.get("download_button")]
    assert labels.count("CSV") == labels.count("XLSX") >= 5
    assert "statements, in this order" in words(overview)


def test_the_page_says_that_it_is_stale(overview: Any) -> None:
    """A page that shows yesterday as if it were now hides an outage."""
    assert "Stale: nothing new since 2026-11-24 03:00Z" in words(overview)


def test_every_model_and_action_is_on_the_page(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one acted upon is chosen; the tables hold names as they are, as text."""
    app = page(ledger, monkeypatch, window="6h")
    assert next(box.value for box in app.selectbox if box.label == "Model") == "fraud"
    held = [frame.value for frame in app.dataframe]
    assert any("verified" in f.get("State", f.get("state", ())) or "verified" in f.to_string() for f in held)
    assert any(HOSTILE in f.to_string() for f in held)


def test_the_page_shows_what_answers_cost(ledger: Path, overview: Any) -> None:
    """The question of the one who trains it and the one who pays: is it right, and what did that cost?"""
    with Store.open(ledger, read_only=True) as store:
        answer = unit_costs(store, Window(END - timedelta(hours=24), END))
    names = [c.name for c in answer.columns]
    own = {(r[0], r[1]): r[names.index("cost_per_1k_requests")] for r in answer.rows}
    shown = next(f.value for f in overview.dataframe if "cost_per_1k_requests" in f.value)
    found = {(r.model, r.model_version): r.cost_per_1k_requests for r in shown.itertuples()}
    assert any(own.values())
    assert {k: v for k, v in found.items() if v == v} == {
        k: float(v) for k, v in own.items() if v is not None
    }


def test_without_a_ledger_the_page_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing a newcomer opens must not be an error."""
    assert "driftledger demo" in words(page(tmp_path / "nothing", monkeypatch))


def test_an_empty_ledger_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data is not zero dollars."""
    Store.open(tmp_path).close()
    app = page(tmp_path, monkeypatch)
    assert "driftledger replay" in words(app) and not app.metric


def test_one_line_has_few_points_whatever_the_window(ledger: Path) -> None:
    """A browser takes ten seconds for a hundred thousand points."""
    with Store.open(ledger, read_only=True) as store:
        for span in ("1h", "6h", "24h", "7d", "30d", "month"):
            choice = controls.Choice(span, "", controls.NOTHING, "USD", "UTC")
            found = timeline(store, controls.spans(choice, END).window, 30)
            versions = {row[1:3] for row in found.rows}
            assert 0 < len(found.rows) <= 31 * len(versions)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 d")]
)
def test_age(seconds: int, text: str) -> None:
    """Freshness is read at a glance."""
    assert moments.age(END, END + timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("ends", "reaches"), [(10, 31), (9, 9)])
def test_what_was_said_after_the_newest_fact_is_on_the_overview(ends: int, reaches: int) -> None:
    """A step that failed to be put back stood there as verified; who looks at a past window sees that one."""
    start = datetime(2026, 11, 24)
    window = Window(start, start + timedelta(minutes=ends))
    view = SimpleNamespace(
        window=window, last=start + timedelta(minutes=10), now=start + timedelta(minutes=30)
    )
    assert View.window_to_now.fget(view).end == start + timedelta(minutes=reaches)
