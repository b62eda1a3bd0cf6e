"""All that a statement can say, of one closed month, read out of the files that finance opens."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from typer.testing import CliRunner

from pipeline.cli.app import app
from reports import statement_csv, statement_html, statement_pdf, statement_xlsx
from reports.first_page import who_pays
from reports.lines import lines
from reports.pages import DETAILS
from reports.statement import Extras, Statement
from reports.summary import summary
from reports.team import of_team
from tests.months.full_month import close_by_command, full, statement


@pytest.fixture(scope="module")
def february_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = tmp_path_factory.mktemp("full")
    with full(files / "ledger"):
        pass
    refused = close_by_command(files / "ledger", files)
    assert refused.exit_code != 0 and "c said nothing from 2026-02-25 00:00Z" in str(refused.exception)
    done = close_by_command(files / "ledger", files, "--accept-gaps")
    assert done.exit_code == 0, done.output
    return files / "ledger"


@pytest.fixture(scope="module")
def february(february_ledger: Path) -> Statement:
    return statement(february_ledger)


@pytest.fixture(scope="module")
def sheets(february: Statement) -> dict[str, list[tuple[Any, ...]]]:
    book = load_workbook(BytesIO(statement_xlsx.render(february)))
    return {sheet.title: list(sheet.values) for sheet in book}


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page))).replace("\u200b", "")


RULE = "allocation/idle-none/shared-none"
GAP = "c said nothing from 2026-02-25 00:00Z to 2026-02-26 00:00Z (24 hours)"


def test_the_page_says_all_of_it(february: Statement) -> None:
    """672 hours of two cards at 2.00, and 24 of a third: 2,736.00; red has b, x and a third of a."""
    page = words(statement_html.render(february))
    for wanted in (
        f"Closed with gaps that were accepted: {GAP}",
        "Closed months 2026-01 this month change in all 2,976.00 2,736.00 -8.1%",
        "CC-1", "GL 6100-12", "driftledger report explain TEAM --month 2026-02",
        f"rule {RULE}",
        "red's month 1,500.00 1,840.00 -340.00 122.6%",
        "red's quarter (of the quarter, so far 2026-01 to 2026-02) 9,000.00 3,824.00 5,176.00 42.4%",
        "in euros (1000 EUR at 1.25, the rate since 2026-02-10) 1,250.00 448.00 802.00 35.8%",
        "by label (of the quarter, so far 2026-01 to 2026-02) 9,000.00 3,776.00 5,224.00 41.9%",
        "in yen is in JPY, of which the price book has no rate to USD",
        "2026-02-20 144.00 96.00 48.00 volume red on",
        "fraud 1 400 3,360.0000 91.2% 3,682.1918",
    ):  # fmt: skip
        assert wanted in page, (wanted, page[:6000])
    assert "red 1,840.00" not in page and re.search(
        r"in all \(USD\) vs 2026-01 red .*? 1,840\.00 -7\.3% ", page
    )
    first, explained = page.split("Day by day: cost by team, right answers")
    assert "red's month" in first and "red's month" not in explained, "the first page answers it"
    spread = DETAILS[0](replace(february, rule="allocation/idle-weighted/shared-none"))
    assert spread[0]["title"] == "What was paid for, each with its part of what the rule spreads"
    assert re.search(r"Total 1,368\.0 1,[0-9.]+ 2,736\.00 0\.00 2,736\.00", page)
    shown = re.findall(r"(used|held without work|held by nobody) ([\d,.]+) ([\d.]+)%", page)
    assert sum(float(part) for *_, part in shown) == pytest.approx(100)


def test_the_trail_says_which_gaps_were_accepted(february_ledger: Path) -> None:
    """An auditor asks who closed a month that was not seen whole, and knowing what."""
    done = CliRunner().invoke(app, ["report", "trail", "--month", "2026-02", "--store", str(february_ledger)])
    assert f"with gaps that were accepted: {GAP}" in done.stdout


def test_a_chart_s_words_are_whole_where_its_font_is_not(february: Statement) -> None:
    page = statement_html.render(february)
    families = set(re.findall(r'font-family="([^"]+)"', page))
    assert families == {"Liberation Sans, Arial, Helvetica, sans-serif"}
    assert re.search(r"\.chart svg \{[^}]*overflow: visible", page)


def test_a_team_s_first_page_is_its_bill(february: Statement) -> None:
    """Who gets one team's statement asks what it comes to and for what, not who else there is."""
    page = words(statement_html.render(of_team(february, "red")))
    first, explained = page.split("Day by day: cost, right answers")
    assert "Who pays" not in page and "1,840.00 USD due" in first
    assert "What it comes to USD usage, 920.0 GPU-hours 1,840.00 Due 1,840.00" in first
    assert "red · cost centre CC-1 · GL 6100-12" in first and "Job/train" in first
    assert "Job/train" not in explained, "its few workloads stand on the first page alone"
    own = of_team(february, "red")
    nobody = replace(own.teams[0], name="cluster_idle")
    page = words(statement_html.render(replace(own, teams=(nobody,))))
    assert "USD, shown only" in page and "In all, shown only 1,840.00" in page and "USD due" not in page


def test_of_many_teams_the_rest_are_one_row_that_adds_up(february: Statement) -> None:
    (red,) = (team for team in february.teams if team.name == "red")
    teams = tuple(replace(red, name=f"t{i}") for i in range(15))
    before = datetime(2026, 1, 1)
    paid = tuple((before, f"t{i}", "USD", Decimal(1_600)) for i in range(14))
    trend = (*paid, (before, "gone", "USD", Decimal(100)), (before, "t0", "EUR", Decimal(5)))
    many = replace(february, teams=teams, extras=replace(february.extras, trend=trend))
    made = who_pays(many)[0]["table"]
    assert [row[-1] for row in made["rows"]] == ["+15.0%"] * 12 + ["+72.5%"], "of t14 there was nothing"
    assert made["rows"][-1][0].startswith("3 more teams") and made["rows"][-1][-2] == "5,520.00"
    assert made["total"][-2:] == ["27,600.00", "+22.7%"], "what is gone was paid too"
    new = replace(many, teams=teams[13:])
    assert [row[-1] for row in who_pays(new)[0]["table"]["rows"]] == ["+15.0%", "new"]
    bare = replace(february, notes=(), accepted=(), extras=Extras())
    assert statement_pdf.render(bare), "a month of which there is nothing to say has a page too"
    assert len(who_pays(replace(many, hash=""))[0]["table"]["heads"]) == 7, "a part of a month is no change"


def test_of_many_workloads_the_dearest_are_first(february: Statement) -> None:
    """A first page of two hundred workloads answers nothing; what is not on it is summed there."""
    (red,) = (team for team in february.teams if team.name == "red")
    line = red.lines[0]
    many = tuple(
        replace(line, workload=f"Job/{i}", amounts=replace(line.amounts, total=Decimal(i))) for i in range(30)
    )
    (short,) = lines(replace(red, lines=many, amounts=replace(red.amounts, total=Decimal(435))), "USD", 10)
    rows = short["table"]["rows"]
    assert [row[0] for row in rows[:2]] == ["ns · Job/29", "ns · Job/28"] and len(rows) == 11
    assert rows[-1][0] == "20 more workloads, listed below" and rows[-1][-1] == "190.00"
    (whole,) = lines(replace(red, lines=many), "USD")
    assert len(whole["table"]["rows"]) == 30


def test_the_workbook_has_each_of_them_as_numbers(sheets: dict[str, list[tuple[Any, ...]]]) -> None:
    """Who works with the figures must not type them off a page."""
    assert ("red", "chargeback", "CC-1", "6100-12") in [row[:4] for row in sheets["Teams"]]
    assert sheets["Teams"][-1][4] == 1_368 and sheets["Teams"][-1][-1] == 2_736
    assert sum(row[2] for row in sheets["Trend"] if row[0] == "2026-01") == 2_976
    assert sum(row[2] for row in sheets["Where time went"][1:]) == pytest.approx(1)
    assert {row[3] for row in sheets["Where time went"][1:]} == {RULE}
    assert sheets["Budgets"][1][:4] == ("red's month", 1_500, 1_840, -340)
    assert sheets["Budgets"][-1] == (
        "in yen", None, None, None, None, "in JPY, of which the price book has no rate to USD"
    )  # fmt: skip
    assert ("2026-02-20", 144, 96, 48) in [row[:4] for row in sheets["Unusual days"]]
    (fraud,) = sheets["Unit costs"][1:]
    assert fraud[:4] == ("fraud 1", 400, 3_360, 0.912)
    about = dict(row for row in sheets["About"] if row[0] != "method")
    assert about["accepted gap"].startswith(GAP[:10]) and "of the time was observed" in about["completeness"]


def test_labels_that_came_late_say_what_a_closed_month_was_worth(
    february: Statement, sheets: dict[str, list[tuple[Any, ...]]]
) -> None:
    """A card for all of January is 1,488.00 for 400 requests: 3,720.00 a thousand, over what is right."""
    (one,) = february.extras.judged
    assert (one.month, one.then.labelled, one.now.labelled) == (datetime(2026, 1, 1), 200, 400)
    for told in (one.then, one.now):
        assert told.right is not None and told.right != 1
        assert told.cost == (Decimal(3_720) / Decimal(str(told.right))).quantize(Decimal("1e-6"))
    assert one.then.right != one.now.right
    page = words(statement_html.render(february))
    assert re.search(r"2026-01 fraud 1 200 [\d.]+% 4,[\d.]+ 400 91\.2% 4,[\d.]+ USD", page)
    assert sheets["Judged since"][1][:3] == ("2026-01", "fraud 1", 200)


def test_the_csv_has_the_accounts_and_the_budget(february: Statement) -> None:
    text = statement_csv.render(february)
    assert re.search(r"^team,.*,red,.*,CC-1,6100-12,chargeback,,driftledger-", text, re.M)
    assert re.search(r"^budget,.*,red,.*,1840\.00,USD,.*,red's month,,,,1500\.00,", text, re.M)


def test_a_mail_of_it_says_the_largest_lines(february: Statement) -> None:
    said = summary(february)
    assert said is not None and said.plain["in_all"] == {"USD": "2736.00"}
    assert said.lines[0] == ("red", "ns · Job/train", "1,344.00") and len(said.lines) == 5
    red = summary(february, "red")
    assert (
        red is not None
        and red.plain["charged"] == {"USD": "1840.00"}
        and {line[0] for line in red.lines} == {"red"}
    )
    assert summary(february, "gone") is None


def test_the_pdf_is_an_archive_and_says_the_same(february: Statement) -> None:
    """An archive takes PDF/A only, and looks at the mark."""
    made = statement_pdf.render(of_team(february, "red"))
    pdf = PdfReader(BytesIO(made))
    meta = pdf.trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part>2<", meta) and re.search(r"pdfaid:conformance>B<", meta)
    text = "".join(page.extract_text() for page in pdf.pages)
    for wanted in ("CC-1", "6100-12", "1,840.00", "-340.00", "91.2%", "2026-02-20", "accepted"):
        assert wanted in text, wanted
