"""The pages without a browser: one total everywhere, files that run nothing, and help where all is empty."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from dashboards import controls, drill, pivot, shown, stacked
from dashboards.drift import FEATURE
from dashboards.models import HEADINGS
from dashboards.pages import PAGES
from dashboards.versions import versions
from pipeline import judge
from pipeline.answers.answer import Answer, Column
from pipeline.answers.cells import amount
from pipeline.answers.cost import cost
from pipeline.answers.files import csv_text, xlsx
from pipeline.answers.marks import marks
from pipeline.answers.models import models
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.cli.app import app as cli
from pipeline.errors import ConfigError
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests.cost_rows import table
from tests.detect.judged import SEGMENTS, reference
from tests.ledger import START, Life, write
from tests.pages.overview_scene import END, HOSTILE, SELDOM, fill

SPAN = Window(END - timedelta(hours=6), END)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("ledger"))


def _run(path: str) -> None:
    import os

    from dashboards import shell
    from dashboards.pages import PAGES
    from pipeline.settings.load import load

    shell.show(load(environ=os.environ), next(p for p in PAGES if p.path == path))


def opened(path: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **query: str | list[str]) -> Any:
    monkeypatch.setenv("DRIFTLEDGER__STORE__FOLDER", str(folder))
    page = AppTest.from_function(_run, kwargs={"path": path}, default_timeout=180)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def words(page: Any) -> str:
    kinds = (page.text, page.info, page.warning, page.error)
    return "\n".join(element.value for kind in kinds for element in kind)


@pytest.fixture(scope="module")
def lines(ledger: Path) -> Answer:
    with Store.open(ledger, read_only=True) as store:
        return cost(store, SPAN, ("team", "workload", "device"))


def test_one_total_on_page_terminal_and_in_files(
    ledger: Path, lines: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Totals that differ between two places are both distrusted."""
    asked = {"window": "6h", "compare": controls.NOTHING}
    page = opened("costs", ledger, monkeypatch, **asked, by=["team", "workload"])
    told = CliRunner().invoke(
        cli, ["cost", "--store", str(ledger), "--window", str(SPAN), "--by", "team,workload", "-o", "json"]
    )
    total = Decimal(json.loads(told.output)["total"]["total_cost"])
    assert {m.label: m.value for m in page.metric}["Cost, USD"] == amount(total) != "0.00"
    table = page.dataframe[0].value
    assert table.iloc[-1]["team"] == "TOTAL" and table.iloc[-1]["total_cost"] == float(total)
    assert table["team"].tolist() == [HOSTILE, "cluster_idle", "TOTAL"]
    cut = pivot.cut(lines, ("team", "workload"))
    assert sum(Decimal(row["total_cost"]) for row in csv.DictReader(io.StringIO(csv_text(cut)))) == total
    assert float(total) in [float(n) for n in re.findall(r"<v>([\d.E-]+)</v>", sheet(xlsx(cut)))]


def test_a_filter_leaves_its_lines_and_their_sum(lines: Answer) -> None:
    """The way down from a team to its devices must not lose a cent, nor show a neighbour's."""
    teams = pivot.cut(lines, ("team",))
    at = [c.name for c in teams.columns].index("total_cost")
    for row in teams.rows:
        below = pivot.cut(lines, ("device",), {"team": (str(row[0]),)})
        assert below.total is not None and below.total[at] == row[at]
    only = drill.parse([f"team={HOSTILE}", "team"], ("team",))
    assert only == ({"team": (HOSTILE,)}, ["team"])
    assert [row[0] for row in pivot.cut(lines, ("device",), only[0]).rows] == ["GPU-a"]


def test_the_window_before_is_beside_it(ledger: Path) -> None:
    """What is gone is as much news as what is new."""
    money = Column("total_cost", "USD", "money")
    now = Answer(
        (Column("team"), money), (("a", Decimal(3)), ("b", None)), None, None, total=("", Decimal(3))
    )
    before = Answer((Column("team"), money), (("a", Decimal(2)), ("c", Decimal(1))), None, None)
    found = pivot.compared(now, before, ("team",))
    assert [row[:5] for row in found.rows] == [
        ("a", Decimal(3), Decimal(2), Decimal(1), Decimal("0.5")),
        ("b", None, Decimal(0), None, None),
        ("c", Decimal(0), Decimal(1), Decimal(-1), Decimal(-1)),
    ]


def test_every_page_opens_on_a_ledger_full_of_hostile_names(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page that fails on a name hides its team's costs; each says as of when it holds."""
    for one in PAGES[1:]:
        page = opened(one.path, ledger, monkeypatch, window="6h", compare=controls.NOTHING)
        assert "As of 2026-11-24 03:00Z" in words(page), one
        assert page.dataframe or page.info, one
        shown = [element.value for kind in (page.markdown, page.caption) for element in kind]
        assert not any(HOSTILE in text for text in shown), one
        if one.path == "drift":
            _, bins = (element.value for element in page.dataframe)
            assert bins["bin"].tolist()[:2] == [HOSTILE, "plain"]
            assert bins["count"].tolist()[:2] == [300, 600]
            _says_how_sure_it_is(page)


def _says_how_sure_it_is(drift: Any) -> None:
    """A verdict, what is far, and what is too little to say: of three hundred events a reader saw a drift."""
    told = {metric.label: metric.value for metric in drift.metric}
    assert told == {
        "Verdict by version": "2: warn",
        "Features": "4",
        "Far by PSI from their reference": "1",
        "Not enough data": "1",
    }
    assert "may be chance" not in words(drift)
    drift.session_state[FEATURE] = ["1", SELDOM]
    drift.run()
    assert "Only 300 events: what differs here may be chance." in words(drift)


def test_what_happened_to_a_model_is_on_its_time_axis(ledger: Path) -> None:
    """A drop in quality is read against the deploy before it and the rollback after it."""
    with Store.open(ledger, read_only=True) as store:
        found = marks(store, SPAN, "fraud")
        told = versions(models(store, SPAN), unit_costs(store, SPAN), cost(store, SPAN, _OWNED))
    assert [(row[0], row[1], row[3]) for row in found.rows] == [
        (START + timedelta(minutes=120), "deploy", "version 2 serves"),
        (START + timedelta(minutes=146), "alert", "drift warn"),
        (START + timedelta(minutes=147), "alert", "accuracy act"),
        (START + timedelta(minutes=151), "action", "rollback verified: 2 → 1"),
    ]
    names = [c.name for c in told.columns]
    rows = [dict(zip(names, row, strict=True)) for row in told.rows if row[0] == "fraud"]
    assert [row["owner"] for row in rows] == [HOSTILE, None]
    assert sum(row["traffic"] for row in rows) == 1


_OWNED = ("team", "model", "model_version")


def test_every_page_of_an_empty_ledger_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No data is not zero dollars."""
    Store.open(tmp_path).close()
    for one in PAGES[1:]:
        page = opened(one.path, tmp_path, monkeypatch)
        assert "driftledger replay" in words(page) and not page.metric, one


@pytest.mark.parametrize("step", ["hour", "day"])
def test_a_bar_says_its_day_and_the_time_of_utc(step: str) -> None:
    """Seven days read 06 AM, 06 PM, 06 AM; over a bar stood the time of the reader's own computer."""
    columns = (Column(step, kind="time"), Column("team"), Column("total_cost", "USD", "money"))
    lines = Answer(columns, ((START, "red", Decimal(1)),), None, None)
    drawn = stacked.bars(lines, step, "USD", SPAN).to_dict()["encoding"]
    assert "%d %b" in drawn["x"]["axis"]["format"]
    (time,) = (tip for tip in drawn["tooltip"] if tip["field"] == "time")
    assert time["timeUnit"].startswith("utc")


def test_a_window_before_the_ledger_is_no_measure(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours against the one that the ledger knows of the two before it were told as 100 % more."""
    shown = Window(START + timedelta(hours=1), END)
    page = opened("costs", ledger, monkeypatch, range=str(shown), compare=controls.BEFORE)
    (cost,) = (metric for metric in page.metric if metric.label.startswith("Cost"))
    assert cost.value != "0.00" and not cost.delta
    assert f"The ledger begins {START:%Y-%m-%d %H:%MZ}, within" in words(page)


def test_nothing_is_compared_with_a_time_before_the_calendar() -> None:
    """The page ended with a stack trace."""
    for compare in (controls.BEFORE, controls.WEEK):
        choice = controls.Choice("24h", "0001-01-01..9999-12-31", compare, "USD", "UTC")
        assert controls.spans(choice, END).before is None


def test_a_wrong_window_is_said_and_the_usual_one_shown() -> None:
    """A link that somebody mistyped must not end in an empty page."""
    choice = controls.Choice("24h", "2026-13", controls.WEEK, "USD", "UTC")
    found = controls.spans(choice, END)
    assert isinstance(found.problem, ConfigError)
    assert found.window == Window(END - timedelta(hours=24), END)
    assert found.before == Window(END - timedelta(days=8), END - timedelta(days=7))


def sheet(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "".join(book.read(name).decode() for name in book.namelist() if "xml" in name)


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "http://198.51.100.7/"])
def test_a_name_is_no_formula_in_a_file(text: str) -> None:
    """A pod's name must not run in the spreadsheet of the one who pays for it."""
    answer = Answer((Column("team"),), ((text,),), None, None)
    cells = sheet(xlsx(answer))
    assert "<f>" not in cells and "<hyperlink " not in cells
    assert csv_text(answer).splitlines()[1].lstrip('"')[0] in ("'", "h")


@pytest.fixture(scope="module")
def of_models(ledger: Path) -> Any:
    """The page as it opens; its tests only read it."""
    with pytest.MonkeyPatch.context() as patch:
        return opened("models", ledger, patch)


def test_a_segment_that_is_worse_is_marked_on_its_models_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is woken for a part of the traffic must find which on the page that the alert links to."""
    lived = Life().serve("1", 0, 60, error=0.6).facts()
    for row in lived["predictions"]:
        row["segment"] = "app"
    with Store.open(tmp_path) as store:
        register(store, reference(**SEGMENTS), START.replace(tzinfo=UTC))
        write(store, **lived)
        judge.tick(store, START + timedelta(minutes=60))
        answer = models(store, Window(START, START + timedelta(minutes=60)))
    level = dict(zip((c.name for c in answer.columns), answer.rows[0], strict=True))["accuracy_level"]
    assert level == "act", "the verdict that is reached as the window ends speaks of the window"
    page = opened("models", tmp_path, monkeypatch, model="fraud")
    (table,) = [frame.value for frame in page.dataframe if "segment" in frame.value]
    assert table[["segment", "level"]].values.tolist() == [["channel=app", "act"]]


def test_notes_call_a_column_by_the_heading_above_it(of_models: Any) -> None:
    """A reader of the page never saw accuracy_low: the column is headed "at least"."""
    said = "\n".join(str(text.value) for text in of_models.text)
    assert "“at least” and “at most” are the 95 % Wilson interval" in said
    assert "“Estimate” comes from calibrated scores" in said
    assert not [name for name in HEADINGS if "_" in name and re.search(rf"\b{name}\b", said)]


def test_of_labels_without_ids_only_the_lag_is_unknown(of_models: Any) -> None:
    """Beside a measured accuracy the page said that there are no labels, and accuracy but an estimate."""
    assert any("accuracy" in f.value and f.value["accuracy"].notna().any() for f in of_models.dataframe)
    assert "how late labels come is unknown" in words(of_models)
    assert "accuracy is known by estimate only" not in words(of_models)


def network_usage(minute: datetime, gib: int) -> dict[str, Any]:
    flow = {"minute": minute, "cluster": "c", "namespace": "shop", "workload": "Deployment/web"}
    flow |= {"class": "internet", "method": "retina", "bytes": gib << 30}
    return flow | dict.fromkeys(("flows", "connections", "dropped"), 1)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same ledger with flows: two gibibytes to the internet in the last hour."""
    folder = fill(tmp_path_factory.mktemp("rich"))
    flow = network_usage(END - timedelta(minutes=30), 2)
    with Store.open(folder) as store:
        store.append(Batch({"network_usage": table("network_usage", [flow])}))
    return folder


def test_the_network_and_budgets_pages_show_flows_and_budgets(
    rich: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were only opened where there was nothing to show."""
    plans, book = tmp_path / "budgets.yaml", tmp_path / "prices.yaml"
    plans.write_text("budgets: [{name: everything, amount: 1000000}]")
    book.write_text("version: x\nprices:\n  - {gpu_hour: 2}\nnetwork:\n  - {class: internet, gib: 0.09}\n")
    monkeypatch.setenv("DRIFTLEDGER__BUDGETS__FILE", str(plans))
    monkeypatch.setenv("DRIFTLEDGER__DASHBOARD__PRICES", str(book))
    network = opened("network", rich, monkeypatch, window="6h")
    tables = [frame.value for frame in network.dataframe]
    assert any("Deployment/web" in found.to_string() and "0.18" in found.to_string() for found in tables)
    assert "there is nothing to compare with" in words(network)
    flows = network_usage(END - timedelta(hours=8), 1)
    with Store.open(rich) as store:
        store.append(Batch({"network_usage": table("network_usage", [flows])}))
    partial = opened("network", rich, monkeypatch, window="6h")
    assert not partial.metric[0].delta, "half of the time before is no half of the cost"
    assert "Flows begin 2026-11-23 19:00Z, within" in words(partial)
    budgets = opened("budgets", rich, monkeypatch, window="6h")
    assert any("everything" in frame.value.to_string() for frame in budgets.dataframe)


def test_what_the_address_asks_for_and_there_is_not_is_said(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link with a window that nobody knows showed the last day, as if that had been asked for."""
    page = opened("network", ledger, monkeypatch, window="banana", currency="XXX")
    assert "window in the address: 'banana' is not valid; 24h is shown instead; write window=" in words(page)
    assert "currency in the address: 'XXX' is not valid; USD is shown instead" in words(page)
    page = opened("network", ledger, monkeypatch, window="2h")
    assert not page.error and f"window {Window(END - timedelta(hours=2), END)}" in words(page)


def test_the_address_chooses_currency_and_zone_and_files_hold_what_is_shown(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that opens with another currency, or a file with another total, is a wrong number sent on."""
    book = tmp_path / "prices.yaml"
    book.write_text(
        "version: x\nprices: [{gpu_hour: 2}]\n"
        "rates: [{from: USD, to: EUR, rate: 0.5, valid_from: 2026-01-01}]\n"
    )
    monkeypatch.setenv("DRIFTLEDGER__DASHBOARD__PRICES", str(book))
    files: dict[str, str] = {}

    def kept(label: str, data: Any, name: str, *_: Any, **__: Any) -> None:
        files[name] = data() if label == "CSV" else ""

    monkeypatch.setattr(shown.st, "download_button", kept)
    asked = {"window": "6h", "compare": controls.NOTHING, "currency": "EUR", "zone": "Asia/Tokyo"}
    page = opened("costs", ledger, monkeypatch, **asked, by=["team"])
    assert "As of 2026-11-24 12:00+0900" in words(page)
    total = page.dataframe[0].value.iloc[-1]["total_cost"]
    assert {m.label: m.value for m in page.metric}["Cost, EUR"] == amount(Decimal(str(total)))
    (text,) = [data for name, data in files.items() if "costs" in name and data]
    found = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["total_cost"]) for row in found) == Decimal(str(total)) != 0
