"""The page of months: states, what each team pays, what changed, and whether the charges are as closed."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.month_changes import teams, workloads
from dashboards.months import deliveries, months, printable
from pipeline.answers.window import month
from pipeline.facts.months import DELIVERIES
from pipeline.months import book
from pipeline.months.charge import ADJUSTMENT, BY, HOURS_OF, USAGE, Charge, plain
from pipeline.months.closings import Closing
from pipeline.months.states import CLOSED, DUE, State
from pipeline.months.verify import Checked
from pipeline.store import Batch
from tests.months.months_scene import closed
from tests.months.months_scene import months as months_of

JANUARY, FEBRUARY = datetime(2026, 1, 1), datetime(2026, 2, 1)


def test_a_month_that_was_edited_says_so() -> None:
    """Who opens the page must see it without asking."""
    closing = Closing(JANUARY, "f" * 64, JANUARY, 1, "", "USD", "b", "r", "{}", "{}", "p", "kim")
    known = [
        State(month(2026, 1), CLOSED, JANUARY, closing),
        State(month(2026, 2), DUE, JANUARY, None),
    ]
    checks = {JANUARY: Checked(JANUARY, "f" * 64, ("its stored charges differ",))}
    shown = months(known, checks, {JANUARY: ["blue", "red"]}, datetime(2026, 1, 28))
    assert shown["Month"].tolist() == ["2026-02", "2026-01"]
    assert shown["Charges kept"].tolist() == ["", "its stored charges differ"]
    assert shown["Disputed by"].tolist() == ["", "blue, red"]
    assert shown["Ledger begins (UTC)"].tolist() == ["", "2026-01-28 00:00"], "a part of a month"


def test_a_team_sees_what_changed() -> None:
    """Two currencies are two rows: they have no sum."""

    def booked(team: str, amount: str, currency: str = "USD") -> Charge:
        return plain(ADJUSTMENT, JANUARY, currency, team, Decimal(amount), "a", "b")

    shown = teams([booked("red", "3"), booked("red", "4", "EUR")], [booked("red", "1"), booked("gone", "7")])
    assert shown[["Team", "currency", "in all", "than last month"]].to_numpy().tolist() == [
        ["gone", "USD", 0.0, -7.0],
        ["red", "EUR", 4.0, 4.0],
        ["red", "USD", 3.0, 2.0],
    ]


def test_a_bill_that_grew_says_whether_by_hours_or_by_price() -> None:
    """The first question of a finance partner; a workload that is new or gone moves by its hours."""

    def used(workload: str, hours: str, amount: str) -> Charge:
        key = ("red", "", "", "ns", workload, "none", "none", "", "", "")[: len(BY)]
        held = (Decimal(hours), *(Decimal(0) for _ in HOURS_OF[1:]))
        return Charge(USAGE, JANUARY, "USD", key, held, None, Decimal(amount))

    shown = workloads(
        [
            used("a", "20", "60"),
            used("same", "1", "1"),
            used("new", "2", "5"),
            used("longer", "744", "3083.38"),
        ],
        [
            used("a", "10", "20"),
            used("same", "1", "1"),
            used("gone", "4", "9"),
            used("longer", "48", "198.92"),
        ],
    )
    assert shown[["Workload", "change", "by hours", "by price"]].to_numpy().tolist() == [
        ["ns longer", 2884.46, 2884.46, 0.0],  # 0.12 less than at the price of before, which was rounded
        ["ns a", 40.0, 20.0, 20.0],
        ["ns gone", -9.0, -9.0, 0.0],
        ["ns new", 5.0, 5.0, 0.0],
    ]


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Closed with a gap; a credit was booked for it since.  And February, disputed, and handed over."""
    folder = tmp_path_factory.mktemp("page") / "ledger"
    with months_of(folder, 2) as store:
        with store.transaction() as con:
            con.execute("DELETE FROM gpu_usage WHERE minute >= '2026-01-10' AND minute < '2026-01-11'")
        closed(store, 1, accept_gaps=True)
        february = closed(store, 2)
        now = datetime(2026, 2, 12)
        booking = (Decimal("-12.50"), "USD", "credit", "a broken card", "kim", now)
        book.adjust(store, JANUARY, "red", *booking)
        for hour, (state, reason) in enumerate((("disputed", "b is not ours \u202e"), ("settled", "it is"))):
            book.reply(store, FEBRUARY, "red", state, reason, "ann", datetime(2026, 3, 12, hour))
        told = [
            {"month": FEBRUARY, "target": "share", "time": datetime(2026, 3, 13, n), "state": state,
             "attempt": n, "detail": detail, "hash": february.hash, "files": "{}"}
            for n, (state, detail) in enumerate(
                (("sending", ""), ("failed", "No space left"), ("sending", ""), ("sent", "27 files"))
            )
        ]  # fmt: skip
        store.append(Batch({"deliveries": pa.Table.from_pylist(told, schema=DELIVERIES.schema)}))
    return folder


def _run() -> None:
    import os

    from dashboards import shell
    from dashboards.pages import PAGES
    from pipeline.settings.load import load

    shell.show(load(environ=os.environ), next(p for p in PAGES if p.path == "months"))


def test_a_hostile_name_turns_nothing_that_stands_beside_it() -> None:
    """A right-to-left mark in a reason would show an amount as another one."""
    shown = printable(pd.DataFrame({"Why": ["wrong \u202e00.21"], "Amount": [12.0]}))
    assert shown["Why"].tolist() == ["wrong \\u202e00.21"] and shown["Amount"].tolist() == [12.0]


def test_an_attempt_is_told_once_by_its_end() -> None:
    """`sending` beside `sent` reads as if it went out twice, or not yet."""
    rows = [
        {"month": datetime(2026, 1, 1), "time": datetime(2026, 2, 5, hour), "target": target, "state": state,
         "attempt": attempt, "detail": ""}
        for hour, target, state, attempt in (
            (1, "share", "sending", 0), (1, "share", "failed", 1), (2, "share", "sending", 1),
            (2, "share", "sent", 2), (3, "mail", "sending", 0),
        )
    ]  # fmt: skip
    store = SimpleNamespace(rows=lambda _: pa.Table.from_pylist(rows))
    shown = deliveries(store, datetime(2026, 1, 1))[["Target", "State", "Attempt"]].to_numpy().tolist()
    assert shown == [["share", "failed", 1], ["share", "sent", 2], ["mail", "sending", 0]]


def test_who_opens_the_last_month_sees_what_changed_who_disputes_it_and_who_got_it(
    january: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month of 28 days after one of 31, of which nobody saw a day; the last that a team said is below."""
    monkeypatch.setenv("DRIFTLEDGER__STORE__FOLDER", str(january))
    page = AppTest.from_function(_run, default_timeout=180)
    page.run()
    assert not page.exception
    assert [one.value for one in page.subheader][:3] == [
        "What changed since 2026-01", "What teams said", "Delivered"
    ]  # fmt: skip
    moved, said, sent = (
        next(one.value for one in page.dataframe if head in one.value)
        for head in ("by price", "Reason", "What was said")
    )
    (first, *_) = moved[["Team", "Workload", "change", "hours now", "hours before"]].to_numpy().tolist()
    assert first == ["red", "ns Job/train", -240.0, 672.0, 744.0]
    assert said[["Team", "State", "Reason", "Who"]].to_numpy().tolist() == [
        ["red", "disputed", "b is not ours \\u202e", "ann"], ["red", "settled", "it is", "ann"]
    ]  # fmt: skip
    assert sent[["Target", "State", "What was said"]].to_numpy().tolist() == [
        ["share", "failed", "No space left"], ["share", "sent", "27 files"]
    ]  # fmt: skip
    assert any(one.value.startswith("No ledger account: all of the") for one in page.text)


def test_who_opens_a_closed_month_sees_why_and_gets_its_files(
    january: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finance asks the page first: what was accepted, what was booked by whom, and whether it still holds."""
    monkeypatch.setenv("DRIFTLEDGER__STORE__FOLDER", str(january))
    page = AppTest.from_function(_run, default_timeout=180)
    page.query_params["month"] = "2026-01"
    page.run()
    assert not page.exception
    assert any("c said nothing from 2026-01-10 00:00Z" in one.value for one in page.text)
    boxes = [one.value for kind in (page.warning, page.info, page.subheader) for one in kind]
    assert not [text for text in boxes if re.search(r"\b(c|n|red|blue|green)\b", text)], "they draw links"
    (booked,) = (one.value for one in page.dataframe if "Where it stands" in one.value)
    kept = ("Team", "Amount", "Why", "Who", "Where it stands")
    assert booked[list(kept)].to_numpy().tolist() == [["red", -12.5, "a broken card", "kim", "open"]]
    page.selectbox(key="whose").select("red").run()
    page.button(key="make").click().run()
    page.run()
    assert not page.exception, "the page is drawn anew every few seconds; the files stay"
    made = {one.proto.label for one in page.get("download_button")}
    assert made == {"PDF", "HTML", "XLSX", "CSV", "PARQUET"}
    page.button(key="verify").click().run()
    page.run()
    assert not page.exception and len(page.get("download_button")) == len(made)
    assert any(one.value.startswith("It is as it was closed: ") for one in page.text)
    page.selectbox(key="whose").select("").run()
    assert not page.get("download_button"), "they are red's"
    page.button(key="make").click().run()
    made = {one.proto.label for one in page.get("download_button")}
    assert not page.exception and len(made) == 12 and {"PDF", "ledger-2026-01.csv"} < made, "what is posted"
