"""Every form of an answer: the same numbers, with as-of and completeness, and safe to open anywhere."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.answer import Answer, Column
from pipeline.answers.cells import amount, machine, people, percent
from pipeline.answers.window import Window
from pipeline.cli.output import Output, render

COLUMNS = (Column("team"), Column("cost", "USD", "money"), Column("idle", "hours", "decimal", wide=True))
AS_OF = datetime(2026, 10, 31, 23, 59)
ANSWER = Answer(
    COLUMNS,
    (("fraud", Decimal("1234.5"), Decimal("0.25")), ("=cmd()", None, Decimal(0))),
    AS_OF,
    Decimal("0.9999"),
    ("1 device is unpriced",),
    ("", Decimal("1234.5"), Decimal("0.25")),
    Window(datetime(2026, 10, 1), datetime(2026, 11, 1)),
)


def rendered(output: Output, answer: Answer = ANSWER) -> str:
    stream = io.StringIO()
    render(answer, output, stream)
    return stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_table_is_aligned_and_says_how_far_it_reaches() -> None:
    """A total that looks complete and is not is how trust in cost tools is lost."""
    assert rendered(Output.table).splitlines() == [
        "TEAM    COST (USD)",
        "fraud     1,234.50",
        "=cmd()           -",
        "TOTAL     1,234.50",
        "",
        "as of 2026-10-31 23:59Z | window 2026-10-01..2026-11-01 | 99.9% complete",
        "- 1 device is unpriced",
    ]


def test_wide_adds_the_columns_that_table_leaves_out() -> None:
    """-o wide is where a second look goes."""
    assert "IDLE (hours)" in rendered(Output.wide)
    assert "IDLE" not in rendered(Output.table)


@pytest.mark.parametrize("output", [Output.json, Output.yaml])
def test_json_and_yaml_are_exact(output: Output) -> None:
    """Money through a float would no longer sum to the cent."""
    text = rendered(output)
    got = json.loads(text) if output is Output.json else yaml.safe_load(text)
    assert got["schema"] == "driftledger.answer/1"
    assert got["rows"][0] == {"team": "fraud", "cost": "1234.5", "idle": "0.25"}
    assert got["rows"][1]["cost"] is None
    assert (got["as_of"], got["completeness"]) == ("2026-10-31T23:59:00Z", "0.9999")


@pytest.mark.parametrize("output", list(Output))
def test_a_number_out_of_numpy_has_every_form(output: Output) -> None:
    """Statistics come as numpy floats, which YAML does not know: `models -o yaml` ended without an answer."""
    answer = Answer((Column("rate", kind="number"),), ((np.float64(0.25),),), AS_OF, None)
    assert "0.25" in rendered(output, answer)


def test_csv_names_no_column_twice() -> None:
    """A reader by name, such as pandas, would take one of two columns, or neither."""
    columns = (Column("team"), Column("completeness", "", "ratio"))
    answer = Answer(columns, (("fraud", Decimal("0.5")),), AS_OF, Decimal("0.75"))
    rows = list(csv.reader(io.StringIO(rendered(Output.csv, answer))))
    assert rows == [["team", "completeness", "as_of"], ["fraud", "0.5", "2026-10-31T23:59:00Z"]]


def test_people_see_the_beginning_of_an_identity_and_programs_all_of_it() -> None:
    """A script that keeps a shortened id may later name two actions with it."""
    answer = Answer((Column("action", kind="identity"),), (("0123456789abcdef",),), AS_OF, None)
    assert rendered(Output.table, answer).splitlines()[1] == "0123456789ab"
    assert "0123456789abcdef" in rendered(Output.csv, answer)
    assert "0123456789abcdef" in rendered(Output.json, answer)


def test_csv_is_exact_and_runs_nothing_in_a_spreadsheet() -> None:
    """A pod may be named =HYPERLINK(...); opening the export must not call it."""
    rows = list(csv.reader(io.StringIO(rendered(Output.csv))))
    assert rows[0] == ["team", "cost", "idle", "as_of", "completeness"]
    assert rows[1] == ["fraud", "1234.5", "0.25", "2026-10-31T23:59:00Z", "0.9999"]
    assert rows[2][:2] == ["'=cmd()", ""]


@pytest.mark.parametrize("output", list(Output))
def test_an_empty_answer_says_so(output: Output) -> None:
    """No data is not zero, in any form."""
    text = rendered(output, Answer(COLUMNS, (), None, None, window=ANSWER.window))
    assert {
        Output.table: "nothing in this window\n\nno data yet",
        Output.wide: "nothing in this window\n\nno data yet",
        Output.json: '"rows": []',
        Output.yaml: "rows: []",
        Output.csv: "team,cost,idle,as_of,completeness\n",
    }[output] in text


def test_bold_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape codes in a log or a pipe are noise."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    render(ANSWER, Output.table, terminal)
    assert "\x1b[1m" in terminal.getvalue() and "\x1b" not in rendered(Output.table)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    render(ANSWER, Output.table, plain)
    assert "\x1b" not in plain.getvalue()


@given(st.text(max_size=30))
def test_no_label_reaches_the_terminal_or_the_spreadsheet_raw(label: str) -> None:
    """Names come from outside: they must not clear a screen, break a line or start a formula."""
    assert people("text", label).isprintable()
    assert not machine(label).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_an_amount_for_people_is_near_and_never_a_false_zero(value: Decimal) -> None:
    """0.0004 dollars shown as 0.00 would read as free."""
    shown = Decimal(amount(value).replace(",", ""))
    assert abs(shown - value) <= max(abs(value) / 100, Decimal("0.005") if abs(value) >= 1 else Decimal(0))
    assert (shown == 0) == (value == 0)


def test_percent_is_rounded_down() -> None:
    """99.99 % complete is not complete."""
    assert [percent(Decimal(r)) for r in ("1", "0.99999", "0", "0.5")] == ["100.0%", "99.9%", "0.0%", "50.0%"]
