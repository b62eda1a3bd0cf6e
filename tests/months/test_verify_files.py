"""What a partner was sent is checked against the ledger, in every form, whichever version drew it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline.answers.window import month
from pipeline.cli.app import app
from pipeline.errors import NotFound
from pipeline.months import verify as verify_module
from pipeline.months.closings import closings
from pipeline.months.draft import Draft
from pipeline.store import Store
from reports.build import FORMS, for_programs
from reports.delivery import deliver
from reports.read import read
from reports.statement import Statement
from reports.targets import Folder
from reports.team import of_team
from reports.verify import find_marker, verify_file
from tests.months.months_scene import closed, months

NOW = datetime(2026, 2, 12)


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with months(tmp_path_factory.mktemp("files"), 1) as store:
        closed(store, 1)
        yield store


@pytest.fixture(scope="module")
def whole(january: Store) -> Statement:
    return read(january, at(january), month(2026, 1), closings(january)[0].thawed())


@pytest.fixture
def computed(whole: Statement, monkeypatch: pytest.MonkeyPatch) -> None:
    """The month need not be computed again for each file: only the file is what was changed."""
    monkeypatch.setattr("reports.verify.verify", lambda *_: [])
    for module in ("verify", "delivery"):
        monkeypatch.setattr(f"reports.{module}.read", lambda *_: whole)


def at(store: Store):
    return lambda snapshot: Store.open(store.location.folder, snapshot=snapshot)


def more(form: str, content: bytes) -> bytes:
    """A forger's file: what is due is a hundred more."""
    if form in ("csv", "html"):
        return re.sub(rb"2(,?)480\.00", rb"2\g<1>580.00", content)
    if form == "parquet":
        table = pq.read_table(BytesIO(content))
        raised = [amount + 100 for amount in table["amount"].to_pylist()]
        cents = pa.array(raised, table.schema.field("amount").type)
        out = BytesIO()
        pq.write_table(table.set_column(table.schema.get_field_index("amount"), "amount", cents), out)
        return out.getvalue()
    if form == "pdf":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    out = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v>2480</v>", b"<v>2580</v>"))
    return out.getvalue()


@pytest.mark.usefixtures("computed")
@pytest.mark.parametrize("form", FORMS)
def test_a_changed_figure_is_named(january: Store, whole: Statement, tmp_path: Path, form: str) -> None:
    """A card of 744 hours at 3.333333333 is 2,480.00; green's third of another is 826.67."""
    path = tmp_path / f"red.{form}"
    own = of_team(whole, "blue") if form == "pdf" else whole
    good = FORMS[form](own)
    path.write_bytes(good)
    found = verify_file(january, at(january), path)
    assert (found.of, found.problems) == (own.of or "all teams", ())
    wrong = more(form, good)
    assert wrong != good
    path.write_bytes(wrong)
    (problem,) = verify_file(january, at(january), path).problems
    said = {"pdf": "its bytes", "parquet": "it says 2580.000000000, 926.6"}.get(form, "it says 2580")
    assert said in problem and (form == "pdf" or "the statement has 2480" in problem)


@pytest.mark.usefixtures("computed")
def test_what_an_older_version_drew_and_handed_over_is_known(
    january: Store, whole: Statement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade the statement that finance holds must not look forged, and a forged one not honest."""
    old = {"html": lambda of: FORMS["html"](of).replace(b"<h1>", b"<h1 >"), "csv": FORMS["csv"]}
    target = Folder("share", tmp_path)
    with monkeypatch.context() as before:
        before.setattr("reports.build.FORMS", old)
        (row,) = deliver(january, at(january), (target,), lambda: NOW)
    assert row["state"] == "sent"
    path = tmp_path / "2026-01" / "statement-2026-01.html"
    found = verify_file(january, at(january), path)
    assert (found.problems, found.handed_over) == ((), NOW)
    path.write_bytes(path.read_bytes().replace(b"red", b"rad"))
    assert "its figures are those" in verify_file(january, at(january), path).problems[0]
    path.write_bytes(more("html", path.read_bytes()))
    assert "it says 2580.00" in verify_file(january, at(january), path).problems[0]
    rows, wrong = (tmp_path / "2026-01" / f"focus-{version}-2026-01.csv" for version in ("1.4", "1.2"))
    assert verify_file(january, at(january), rows).handed_over == NOW
    wrong.write_bytes(rows.read_bytes())
    found = verify_file(january, at(january), wrong)
    assert found.handed_over is None and found.problems, "handed over, but as another file"


@pytest.mark.usefixtures("computed")
def test_what_programs_take_in_is_checked_too(january: Store, whole: Statement, tmp_path: Path) -> None:
    """Finance posts the ledger's lines: a digit changed there costs more than one changed on a page."""
    named = (("Amount in", "amount"), ("Account", "gl_code"))
    made = dict(for_programs(whole, named))
    assert len(made) == 7
    for name, content in made.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert verify_file(january, at(january), path, named).problems == (), name
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        (problem,) = verify_file(january, at(january), path, named).problems
        assert "is not" in problem or "are not" in problem or "it says" in problem, name
    ledger = tmp_path / "ledger-2026-01.csv"
    ledger.write_bytes(made[ledger.name].replace(b"3306.6", b"4306.6"))
    (problem,) = verify_file(january, at(january), ledger, named).problems
    assert re.match(r"it says 4306\.6\d where the statement has 3306\.6\d", problem)
    with pytest.raises(NotFound, match=r"2026-01 has no file focus-1\.9"):
        lost = tmp_path / "focus-1.9-2026-01.csv"
        lost.write_text("a")
        verify_file(january, at(january), lost)
    with pytest.raises(NotFound, match="is no file"):
        verify_file(january, at(january), tmp_path / "statement.pdf")


@pytest.mark.usefixtures("computed")
def test_only_what_a_target_took_was_handed_over(tmp_path: Path, whole: Statement, january: Store) -> None:
    """Blue's file was never given to red's folder: nobody may be told that it was."""
    deliver(january, at(january), (Folder("red's", tmp_path, "red"),), lambda: NOW)
    told = {}
    for team in ("red", "blue"):
        path = tmp_path / f"{team}.html"
        path.write_bytes(FORMS["html"](of_team(whole, team)))
        told[team] = verify_file(january, at(january), path).handed_over
    assert told == {"red": NOW, "blue": None}


def test_a_changed_digit_fails_the_command(january: Store, whole: Statement, tmp_path: Path) -> None:
    """What finance runs on what it was sent: the month is computed again, and the exit code is the answer."""
    red = of_team(whole, "red")
    made = {form: FORMS[form](red) for form in ("pdf", "csv")}
    for form, content, code, words in (
        ("pdf", made["pdf"], 0, "as it was "),
        ("pdf", more("pdf", made["pdf"]), 6, "its bytes"),
        ("csv", more("csv", made["csv"]), 6, "it says 2580"),
    ):
        path = tmp_path / f"statement.{form}"
        path.write_bytes(content)
        command = ["report", "verify", str(path), "--store", january.location.folder, "-o", "json"]
        done = CliRunner().invoke(app, list(map(str, command)))
        assert (done.exit_code, words in done.output) == (code, True), done.output


def test_a_month_that_its_snapshot_does_not_give_is_found(
    january: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that reckons otherwise than the one that closed it: nobody may say it is as it was."""
    (closing,) = closings(january)
    reckoned = verify_module.draft

    def other(*asked: Any) -> Draft:
        made = reckoned(*asked)
        (first, *rest) = made.charges
        dearer = replace(first, amount=(first.amount or Decimal(0)) + Decimal("0.01"))
        return replace(made, charges=(dearer, *rest))

    monkeypatch.setattr(verify_module, "draft", other)
    (checked,) = verify_module.verify(january, at(january))
    (problem,) = checked.problems
    assert problem.startswith(f"computed again from snapshot {closing.snapshot} it comes to ")
    command = ["report", "verify", "--store", str(january.location.folder)]
    assert CliRunner().invoke(app, command).exit_code == 6


def test_a_file_that_says_nothing_is_no_statement(january: Store, whole: Statement, tmp_path: Path) -> None:
    assert all(find_marker(render(whole)) for render in FORMS.values())
    path = tmp_path / "red.html"
    for content in (b"<html>", b"driftledger-statement/1 2026-99 all open"):
        path.write_bytes(content)
        with pytest.raises(NotFound, match="does not say"):
            verify_file(january, at(january), path)
