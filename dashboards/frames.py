"""An answer as a data frame, with the column settings that show its units and hide no precision it has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cells import people

_FORMATS = {"money": "%.2f", "decimal": "%.1f", "ratio": "percent", "number": "%.3f", "integer": "localized"}


def frame(answer: Answer) -> pd.DataFrame:
    """One column each; decimals become floats, for showing only."""
    columns = [c.name for c in answer.columns]
    rows = [[_shown(c, v) for c, v in zip(answer.columns, row, strict=True)] for row in answer.rows]
    return pd.DataFrame(rows, columns=columns)


def table(answer: Answer, names: dict[str, str]) -> None:
    """The columns of `names` under their headings; st.dataframe shows text as text."""
    st.dataframe(
        frame(answer)[[n for n in names if n in {c.name for c in answer.columns}]],
        column_config={c.name: _config(c, names[c.name]) for c in answer.columns if c.name in names},
        hide_index=True,
        width="stretch",
    )


def _shown(column: Column, value: Value) -> Any:
    if column.kind == "identity":
        return people(column.kind, value)
    return float(value) if isinstance(value, Decimal) else value


def _config(column: Column, name: str) -> Any:
    if column.kind in ("text", "identity"):
        return st.column_config.TextColumn(name)
    if column.kind == "time":
        return st.column_config.DatetimeColumn(name, format="YYYY-MM-DD HH:mm")
    return st.column_config.NumberColumn(name, format=_FORMATS.get(column.kind))
