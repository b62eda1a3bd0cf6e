"""A statement can go to finance: it adds up to the cent, runs nobody's formula, and is never half a file."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from pipeline.answers.money import to_cents
from pipeline.answers.window import month
from pipeline.cli.app import app
from pipeline.errors import ConfigError, NotFound, PreflightFailed
from pipeline.facts.catalogue import FACTS
from pipeline.months.inputs import Inputs
from pipeline.prices import PriceBook
from pipeline.store import Batch, Store
from reports import files, focus, ledger_lines, statement_csv, statement_html, statement_pdf, statement_xlsx
from reports.build import build
from reports.read import read
from reports.statement import Statement
from reports.summary import as_html, as_text, summary
from reports.team import of_team
from reports.verify import find_marker
from reports.words import shares
from tests.cost_rows import allocation, at, device, ledger, minutes, table
from tests.full_disk import SHARED, files_end_at
from tests.months.months_scene import FIRST, months

HOSTILE = '=HYPERLINK("http://x","<img src=x onerror=alert(1)>")\u202e'
THIRD = PriceBook.flat(Decimal("3.333333333"), "USD")


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Three teams that share one card in thirds, a hostile name, a model with traffic, an unpriced card."""
    held = [
        *(
            allocation("a", f"{t}1", at(0), None, (1, 3), team=t, workload=f"Deployment/{t}", time=at(7))
            for t in ("red", "blue", HOSTILE)
        ),
        allocation("b", "r2", at(1), at(2), team="red", workload="Job/x", model="fraud", model_version="2"),
        allocation("c", "n1", at(1), at(2), team="", workload="Job/y"),
        allocation("c", "n2", at(3), at(4), team="cluster_idle", workload="Job/z"),
    ]
    traffic = {"cluster": "c", "namespace": "ns", "workload": "Job/x", "model": "fraud", "model_version": "2"}
    zeros = dict.fromkeys(FACTS["prediction_sums"].value_names, 0)
    sums = [
        {**zeros, **traffic, "reference": "", "count": 100, "minute": at(1) + timedelta(minutes=i)}
        for i in range(5)
    ]
    action = {
        "action_id": "a1", "state": "executed", "time": at(3), "kind": "rollback", "policy": "accuracy",
        "cluster": "c", "namespace": "ns", "workload": "Job/x", "model": "fraud", "model_version": "3",
        "to_version": "2", "snapshot": 1, "evidence": "{}", "detail": "accuracy fell <b>", "revision": 1,
    }  # fmt: skip
    with ledger(
        tmp_path_factory.mktemp("october"),
        devices=[device(name, at(0), time=at(7)) for name in "abc"],
        allocations=held,
        gpu_usage=minutes("a", at(0), at(7), 20, active=30),
        prediction_sums=sums,
        actions=[action],
    ) as store:
        yield store


@pytest.fixture(scope="module")
def whole(october: Store) -> Statement:
    return statement(october)


def statement(store: Store, book: PriceBook = THIRD) -> Statement:
    return read(store, lambda _: store, month(2026, 10), Inputs(book))


def test_who_names_a_team_as_idle_time_is_named_is_charged(whole: Statement) -> None:
    """A label of a pod must not make its GPUs nobody's: that team would never get a bill."""
    (own,) = (team for team in whole.teams if team.name == "cluster_idle (team)")
    assert own.is_charged and own.due("USD") == Decimal("3.33")
    assert "cluster_idle (team)" in ledger_lines.render(whole)


def cents(value: Decimal | None) -> bool:
    return value is not None and value == to_cents(value)


def test_lines_sum_to_teams_and_teams_to_the_total_to_the_cent(whole: Statement) -> None:
    """21 GPU-hours at 3.333333333 are 70.00; no cent is lost among three teams of a third each."""
    assert whole.amounts.total == Decimal("70.00")
    names = {"red", "blue", HOSTILE, "unowned", "cluster_idle"}
    assert {t.name for t in whole.teams} == names | {"cluster_idle (team)"}
    for name in ("used", "idle", "total"):
        for team in whole.teams:
            assert sum(getattr(line.amounts, name) for line in team.lines) == getattr(team.amounts, name)
        assert sum(getattr(team.amounts, name) for team in whole.teams) == getattr(whole.amounts, name)
    for line in (line for team in whole.teams for line in team.lines):
        assert cents(line.amounts.used) and cents(line.amounts.idle)
        assert (line.amounts.used or 0) + (line.amounts.idle or 0) == line.amounts.total


def test_the_csv_says_the_same_as_the_page_and_runs_nothing(whole: Statement) -> None:
    """Opened in a spreadsheet, a team's name must stay a name."""
    rows = list(csv.DictReader(StringIO(statement_csv.render(whole))))
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["record"]] += Decimal(row["total_cost"])
    assert sums == dict.fromkeys(("line", "team", "total", "due"), Decimal("70.00"))
    assert all(not value.startswith(("=", "+", "@")) for row in rows for value in row.values())
    assert any(row["team"] == "'" + HOSTILE for row in rows)
    assert {row["price_book"] for row in rows} == {THIRD.version}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_loads_nothing_and_escapes_every_name(whole: Statement) -> None:
    """A label of a pod must not become a picture that tells somebody who reads the bill."""
    page = Page(statement_html.render(whole))
    assert not {tag for tag, _ in page.tags} & {"img", "script", "link", "iframe", "a"}
    names = {name or "" for _, attributes in page.tags for name in attributes}
    assert not any(name.startswith("on") or name in ("src", "href", "action") for name in names)
    assert "\u202e" not in statement_html.render(whole)


def test_the_page_answers_what_was_spent_by_whom_and_why(whole: Statement) -> None:
    text = re.sub(r"<[^>]+>", " ", statement_html.render(whole))
    for wanted in (
        "October 2026", "70.00", "red", "without an owner", "held by nobody", "per 1,000 requests", "fraud 2",
        "rollback fraud 3 to 2", "accuracy fell &lt;b&gt;", THIRD.version, "Provisional", "was observed",
        "largest remainder",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_a_model_version_with_traffic_has_a_unit_cost(whole: Statement) -> None:
    """500 requests on one GPU-hour of 3.333333333."""
    (fraud,) = (u for u in whole.extras.units if u["model"] == "fraud")
    assert (fraud["requests"], fraud["cost_per_1k_requests"]) == (500, Decimal("6.666667"))


def test_a_team_sees_its_own_lines_only(whole: Statement) -> None:
    """What another team spends is not for its statement."""
    page = statement_html.render(of_team(whole, "blue"))
    assert "Deployment/blue" in page
    assert not re.search(r"Deployment/red|fraud|Job/x", page)
    assert of_team(whole, "blue").amounts == next(t.amounts for t in whole.teams if t.name == "blue")


def test_unpriced_time_is_said_and_not_zero(october: Store) -> None:
    """A card without a price must not look free on a bill."""
    made = statement(october, PriceBook("none", ()))
    assert made.amounts.total is None
    assert "unpriced" in statement_html.render(made)
    rows = list(csv.DictReader(StringIO(statement_csv.render(made))))
    assert {row["total_cost"] for row in rows if row["record"] != "due"} == {""}


def test_the_same_ledger_gives_the_same_bytes(october: Store, whole: Statement) -> None:
    """A statement that is built again must be the same, or nobody can check it."""
    again = statement(october)
    assert statement_html.render(again) == statement_html.render(whole)
    assert statement_csv.render(again) == statement_csv.render(whole)
    assert statement_xlsx.render(again) == statement_xlsx.render(whole)
    assert statement_pdf.render(again) == statement_pdf.render(whole)


def test_the_pdf_shows_a_hostile_name_as_it_is(whole: Statement) -> None:
    """Markup in a label must stay text, and the whole must be on the first page."""
    made = PdfReader(BytesIO(statement_pdf.render(whole)))
    assert made.metadata is not None and "GPU statement, October 2026" in str(made.metadata.title)
    first = made.pages[0].extract_text()
    assert "=HYPERLINK" in first.replace("\u200b", "") and "70.00" in first and "Provisional" in first
    assert "\u202e" not in first


def test_the_workbook_runs_nothing(whole: Statement) -> None:
    """A label that begins with = must not be computed by whoever opens the bill."""
    book = load_workbook(BytesIO(statement_xlsx.render(whole)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    team = load_workbook(BytesIO(statement_xlsx.render(of_team(whole, HOSTILE))))["Teams"]
    assert team.oddHeader.right.text.startswith("=HYPERLINK"), "as it is, and no code of a page's head"
    assert team.page_setup.orientation == "landscape" and team.print_title_rows == "$1:$1"
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert any(cell.value == HOSTILE for cell in cells)
    last = [row for row in book["Teams"].iter_rows(values_only=True)][-1]
    assert last[-1] == 70


@pytest.mark.parametrize("version", focus.VERSIONS)
def test_focus_rows_come_to_the_statement(whole: Statement, version: str) -> None:
    """Finance adds the file up, and it must be the number on the page."""
    rows = focus.rows(whole, version)
    assert sum(row["BilledCost"] for row in rows) == whole.due("USD")
    assert sum(row["EffectiveCost"] for row in rows).quantize(Decimal("0.01")) == whole.due("USD")
    for row in rows:
        assert row["ChargeCategory"] == "Usage" and row["ServiceCategory"] == "AI and Machine Learning"
        assert all(row[name] for name in ("BillingAccountId", "BillingCurrency", "InvoiceIssuerName", "Tags"))


def test_split_charges_sum_to_their_device(whole: Statement) -> None:
    """What FOCUS asks of split costs: metrics sum to the origin charge, ratios to exactly 1."""
    rows = focus.rows(whole, "1.4")
    origins = focus.origins(rows)
    assert {o["ResourceId"] for o in origins} == {"c/a", "c/b", "c/c"}
    for origin in origins:
        own = [r for r in rows if r["ResourceId"] == origin["ResourceId"]]
        for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity"):
            assert sum(r[name] for r in own) == origin[name]
        parts = [json.loads(r["AllocatedMethodDetails"], parse_float=Decimal) for r in own]
        assert sum(p["Elements"][0]["AllocatedRatio"] for p in parts) == 1


def test_the_public_toolkit_takes_the_focus_file(february: Statement, tmp_path: Path) -> None:
    """Of a month with all that one can hold, without a finding, so there is none to explain."""
    assert {row["ChargeCategory"] for row in focus.rows(february, "1.4")} == {"Usage", "Adjustment", "Tax"}
    contents = dict(focus.files(february, "1.4"))
    for name in ("focus-1.4-2026-02.csv", "focus-1.4-2026-02.parquet", "focus-1.4-2026-02-origin.csv"):
        (tmp_path / name).write_bytes(contents[name])
        command = [sys.executable, "-m", "focus_data_toolkit", "validate", "--dataset", "cost-and-usage"]
        done = subprocess.run([*command, str(tmp_path / name)], capture_output=True, text=True)
        assert done.returncode == 0 and "SEMANTIC_VALID" in done.stdout, done.stdout + done.stderr


def test_the_ledger_lines_are_of_the_month_and_in_cents(february: Statement) -> None:
    """Posted on the first of March they would be in March's books; an ERP refuses nine decimals."""
    rows = list(csv.DictReader(StringIO(ledger_lines.render(february))))
    assert {(row["date"], row["period"]) for row in rows} == {("2026-02-28", "2026-02")}
    assert all(re.fullmatch(r"-?\d+\.\d\d", row["amount"]) for row in rows)
    assert {row["team"] for row in rows} == {"red", "green", "late"}, "blue is only shown"


def test_a_mapping_that_would_post_nonsense_is_refused(february: Statement, tmp_path: Path) -> None:
    """An ERP takes what it is given: euro for dollars, a file of nothing, a heading that a sheet runs."""
    file = tmp_path / "columns.yaml"
    for text, words in (
        ("columns: {}", "column of amount"),
        ("columns: {Account: gl_code}", "column of amount"),
        ("columns: {' ': amount}", "a name"),
        ("columns: {A: amont}", "write one of"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=words):
            ledger_lines.mapping(str(file))
    file.write_text("columns: {'=cmd|x': amount, Betrag in: currency}")
    assert ledger_lines.render(february, ledger_lines.mapping(str(file))).startswith("'=cmd|x,Betrag in\n")
    file.write_text("columns: {Amount: amount}")
    with pytest.raises(ConfigError, match="amounts in EUR and USD: name a column of currency"):
        ledger_lines.render(february, ledger_lines.mapping(str(file)))


def test_who_was_only_corrected_used_nothing_and_every_currency_is_shown(february: Statement) -> None:
    """A team that has a correction only has no unpriced usage; what is due in euro is due too."""
    (late,) = (team for team in february.teams if team.name == "late")
    assert late.amounts.total == 0 and late.due("USD") > 0
    rows = [list(row) for row in load_workbook(BytesIO(statement_xlsx.render(february)))["Teams"].values]
    assert rows[0][-2:] == ["in all (USD)", "in all (EUR)"]
    assert [Decimal(str(value)) for value in rows[-1][-2:]] == [february.due("USD"), february.due("EUR")]
    said = summary(february, "blue")
    assert said is not None
    for mail in (as_text(said, "", []), as_html(said, "", [])):
        assert "USD shown only, not charged" in mail and " due" not in mail
    whole = summary(february)
    assert whole is not None and set(whole.plain["charged"]) == {"USD", "EUR"}
    charged = f"{february.charged('USD'):,.2f}"
    assert f"{february.due('USD'):,.2f} USD in all, {charged} USD of it charged to teams" in as_text(
        whole, "", []
    )
    page = statement_html.render(of_team(february, "blue"))
    assert "shown only, not charged" in page and "unpriced" not in page.replace("listed as unpriced", "")
    assert [sum(shares(parts, sum(parts, Decimal(0)))) for parts in (
        [Decimal("43.25"), Decimal("39.74"), Decimal("16.99")], [Decimal(1)] * 3
    )] == [100, 100]  # fmt: skip


def test_files_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must leave last week's statement, not half of this week's."""
    files.write(tmp_path, {"a.html": b"old", "b.html": b"old"})
    real = files._durable

    def full(path: Path, content: bytes) -> None:
        if "b.html" in path.name:
            path.write_text("ha")
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(files, "_durable", full)
    with pytest.raises(OSError, match="No space"):
        files.write(tmp_path, {"a.html": b"new", "b.html": b"new"})
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.html": "old", "b.html": "old"}


def test_a_disk_that_fills_keeps_the_last_statement_whole(october: Store, tmp_path: Path) -> None:
    """There is room for its web page, and not for its PDF."""
    old = {"statement-2026-10.pdf": b"a", "statement-2026-10.html": b"b"}
    files.write(tmp_path, old)
    with files_end_at(SHARED):
        result = built(october, tmp_path, "--gpu-hour-price", "2.00")
    assert isinstance(result.exception, PreflightFailed) and "File too large" in str(result.exception)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == old


def test_every_team_gets_its_files_whatever_its_name(whole: Statement, tmp_path: Path) -> None:
    """A slash or a formula in a team's name must not leave the folder or overwrite another's file."""
    paths = build(whole, tmp_path / "out")
    assert len(set(paths)) == 5 * (1 + len(whole.teams)) + 7
    assert all(p.parent == tmp_path / "out" and p.stat().st_size > 0 for p in paths)
    assert len({files.file_name(t) for t in ("a/b", "a.b", "a-b", "../a", "", "=1")}) == 6


def built(ledger: Store, out: Path, *options: str) -> Result:
    folder = str(ledger.location.folder)
    month = ["report", "build", "--month", "2026-10"]
    return CliRunner().invoke(app, [*month, "--store", folder, "--out", str(out), *options])


def test_the_command_writes_the_month(october: Store, tmp_path: Path) -> None:
    result = built(october, tmp_path, "--gpu-hour-price", "2.00")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "statement-2026-10.html").is_file()
    assert str(tmp_path / "statement-2026-10-red.csv") in result.output.split()


def test_the_exit_code_says_that_a_price_is_missing(october: Store, tmp_path: Path) -> None:
    """A job that mails the bill must not mail one that leaves cards out."""
    book = tmp_path / "prices.yaml"
    row = "{match: {gpu_model: K80}, gpu_hour: 1}"
    book.write_text(f"version: one\ncurrency: USD\nsource: x\nprices: [{row}]")
    result = built(october, tmp_path, "--prices", str(book))
    assert result.exit_code == 7, result.output
    assert (tmp_path / "statement-2026-10.html").is_file()


def test_the_exit_code_says_that_a_disk_has_no_price(tmp_path: Path) -> None:
    with months(tmp_path, 1, teams=("red",)) as store:
        named = {"time": month(2026, 1).end, "resource": "volume", "quantity": 1 << 30, "gpu_model": ""}
        store.append(Batch({"devices": table("devices", [device("disk", FIRST, **named)])}))
    book = tmp_path / "prices.yaml"
    book.write_text("version: one\ncurrency: USD\nprices: [{match: {resource: gpu}, gpu_hour: 1}]")
    command = ["report", "build", "--month", "2026-01", "--store", str(tmp_path), "--prices", str(book)]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert result.exit_code == 7, result.output


@pytest.mark.parametrize("text", ["october", "2026-13", "2026-1", "2026-10-01", "9999-12", "9998-10"])
def test_a_wrong_month_says_what_to_write(text: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", "build", "--month", text, "--store", str(tmp_path)])
    assert isinstance(result.exception, ConfigError)
    assert "2026-10" in str(result.exception) or "has not begun" in str(result.exception)


def test_an_empty_ledger_has_no_statement(tmp_path: Path) -> None:
    """Zero dollars for a month of which nothing is known would be a lie."""
    with Store.open(tmp_path) as store, pytest.raises(NotFound, match="no GPU fact"):
        statement(store)


def test_a_month_without_facts_says_which_months_have_some(october: Store) -> None:
    with pytest.raises(NotFound, match=r"facts are of 2026-10-05"):
        read(october, lambda _: october, month(2026, 9), Inputs(THIRD))


def test_a_damaged_workbook_says_nothing_and_breaks_nothing(whole: Statement) -> None:
    """`report verify` must answer for whatever came back by mail, and not with a stack trace."""
    content = statement_xlsx.render(whole)
    with ZipFile(BytesIO(content)) as book:
        begin = book.getinfo("docProps/core.xml").header_offset
    listed = content.rindex(b"docProps/core.xml") - 46 + 10  # of the list at the end: its way of packing
    marker = find_marker(content)
    assert marker is not None
    said = set()
    for place in [*range(begin, begin + 420), *range(len(content) - 1_500, len(content))]:
        for bits in (0xFF, 1 << place % 8):
            said.add(find_marker(content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]))
        said.add(find_marker(content[:place]))
    for way in (0, 9, 12, 14, 93):
        said.add(find_marker(content[:listed] + bytes([way]) + content[listed + 1 :]))
    assert {None, marker} <= said
