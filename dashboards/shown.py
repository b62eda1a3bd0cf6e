"""An answer on a page: its table with the total, how far to trust it, its files and its SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from dashboards import frames, moments, pivot
from dashboards.questions import Asked
from dashboards.recorded import Query
from dashboards.view import View
from pipeline import sql
from pipeline.answers.answer import Answer
from pipeline.answers.cells import complete, safe_text
from pipeline.answers.files import csv_text, xlsx

_NO_NAMES: Mapping[str, str] = {}


def table(
    view: View,
    asked: Asked,
    names: Mapping[str, str],
    *,
    file: str,
    command: str = "",
    key: str | None = None,
    chosen: Callable[[], None] | None = None,
    unsaid: Sequence[str] = (),
) -> None:
    """The columns of `names` under their headings; `file` names its downloads, `command` says how to get it
    on a terminal.  `chosen` is called when the reader selects a row of the table, which `key` names.
    Notes in `unsaid` are left out, since the page says them elsewhere.
    """
    shown = pivot.only_columns(asked.answer, names)
    frames.table(shown, dict(names), zone=view.zone, total=True, key=key, chosen=chosen)
    trust(view, shown)
    stem = f"driftledger-{file}-{view.window.start:%Y%m%dT%H%M}-{view.window.end:%Y%m%dT%H%M}"
    with st.container(horizontal=True):
        st.download_button(
            "CSV", partial(csv_text, shown), f"{stem}.csv", "text/csv", key=f"csv {file}", on_click="ignore"
        )
        st.download_button(
            "XLSX", partial(xlsx, shown), f"{stem}.xlsx", _XLSX, key=f"xlsx {file}", on_click="ignore"
        )
        with st.popover("Show the SQL"):
            _sql(asked.queries, command)
    notes(asked.answer, but=unsaid, names=names)


_NAME = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def words(view: View) -> str:
    """The view's window as a command takes it."""
    return f"{view.window.start:%Y-%m-%dT%H:%MZ}..{view.window.end:%Y-%m-%dT%H:%MZ}"


def cost_command(view: View, by: Sequence[str]) -> str:
    """How a terminal asks for the costs of the view's window."""
    return f"driftledger cost --window {words(view)} --by {','.join(by)} --currency {view.currency} -o wide"


def notes(answer: Answer, *, but: Sequence[str] = (), names: Mapping[str, str] = _NO_NAMES) -> None:
    """What a reader must know of the numbers, a line each; a column is called by its heading in `names`."""
    for note in answer.notes:
        if note not in but:
            st.text(f"- {safe_text(headed(note, names))}")


def headed(note: str, names: Mapping[str, str]) -> str:
    """The note with columns as the page heads them; a name that is a plain word may be just that word."""
    return _NAME.sub(lambda name: f"“{names[name[0]].strip()}”" if name[0] in names else name[0], note)


def trust(view: View, answer: Answer) -> None:
    """As of when the numbers hold, of which window, and how much of it was observed."""
    parts = [f"as of {moments.minute(answer.as_of, view.zone)}" if answer.as_of else "no data yet"]
    if answer.window:
        parts.append(f"window {answer.window}")
    st.text(" | ".join(p for p in (*parts, complete(answer)) if p))


def _sql(queries: tuple[Query, ...], command: str) -> None:
    if command:
        st.text("The same on a terminal:")
        st.code(command, language=None)
    st.text(f"{len(queries)} statements, in this order, on one snapshot of the ledger:")
    for query in queries:
        lines = [f"-- {query.name}.sql"]
        lines += [f"-- ${name} = {safe_text(value)}" for name, value in query.parameters.items()]
        lines += [f"-- table {name}: {rows} rows" for name, rows in query.tables.items()]
        st.code("\n".join(lines) + "\n" + sql.text(query.name), language="sql")
