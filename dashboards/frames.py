"""An answer as a data frame, with the column settings that show its units and hide no precision it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cells import UNKNOWN, people

_FORMATS = {
    "money": "%,.2f",
    "decimal": "%,.1f",
    "ratio": "percent",
    "number": "%.3f",
    "integer": "localized",
}
TOTAL = "TOTAL"
_HIGHEST = 600
"""Pixels of a table; a longer one scrolls."""
_ROW = 35


def frame(answer: Answer, *, total: bool = False) -> pd.DataFrame:
    """One column each; decimals become floats, for showing only.  With `total` the sum is the last row."""
    columns = [c.name for c in answer.columns]
    rows = [[_shown(c, v) for c, v in zip(answer.columns, row, strict=True)] for row in answer.rows]
    if total and answer.total is not None and rows:
        sums = [_shown(c, v) for c, v in zip(answer.columns, answer.total, strict=True)]
        rows.append(
            [TOTAL if sums[0] in ("", None) and answer.columns[0].kind == "text" else sums[0], *sums[1:]]
        )
    return pd.DataFrame(rows, columns=columns)


def table(
    answer: Answer,
    names: Mapping[str, str],
    *,
    zone: ZoneInfo | None = None,
    total: bool = False,
    key: str | None = None,
    chosen: Callable[[], None] | None = None,
) -> None:
    """The columns of `names` under their headings; st.dataframe shows text as text.

    With `chosen` a reader can select a row, whose number is then in the session's state under `key`.
    """
    data = frame(answer, total=total)
    data = data[[n for n in names if n in data.columns]]
    for column in answer.columns:
        if column.kind == "time" and column.name in data and column.name != "day":
            data[column.name] = pd.to_datetime(data[column.name]).dt.tz_localize("UTC")
    selecting: dict[str, Any] = {"on_select": chosen, "selection_mode": "single-row"} if chosen else {}
    st.dataframe(
        data,
        column_config={c.name: _config(c, names[c.name], zone) for c in answer.columns if c.name in names},
        hide_index=True,
        width="stretch",
        height=min(_HIGHEST, (len(data) + 1) * _ROW + 3),
        key=key,
        placeholder=UNKNOWN,
        **selecting,
    )


def _shown(column: Column, value: Value) -> Any:
    if column.kind == "identity":
        return people(column.kind, value)
    return float(value) if isinstance(value, Decimal) else value


def _config(column: Column, name: str, zone: ZoneInfo | None) -> Any:
    if column.kind in ("text", "identity"):
        return st.column_config.TextColumn(name)
    if column.kind == "flag":
        return st.column_config.CheckboxColumn(name)
    if column.name == "day":
        return st.column_config.DateColumn(name, format="YYYY-MM-DD")
    if column.kind == "time":
        where = zone.key if zone else "UTC"
        return st.column_config.DatetimeColumn(name, format="YYYY-MM-DD HH:mm", timezone=where)
    return st.column_config.NumberColumn(name, format=_FORMATS.get(column.kind))
