"""From a line of costs to what it is made of, down to the device; the way there is in the address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from pipeline.answers.answer import Value
from pipeline.answers.cells import safe_text

BY, ONLY = "by", "only"
"""Keys of the two choices, and their names in the address."""
WAY = ("cluster", "team", "workload", "pod", "device")

Only = Mapping[str, tuple[str, ...]]


def parse(words: Sequence[str], known: Collection[str]) -> tuple[Only, list[str]]:
    """Values by dimension of words such as team=research, and the words that are none."""
    found: dict[str, tuple[str, ...]] = {}
    wrong = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or name not in known:
            wrong.append(safe_text(word))
        else:
            found[name] = (*found.get(name, ()), value)
    return found, wrong


def below(by: Sequence[str]) -> str | None:
    """What the lines of `by` are made of; None where nothing is finer."""
    if WAY[-1] in by:
        return None
    deepest = max((WAY.index(d) for d in by if d in WAY), default=0)
    return WAY[deepest + 1]


def hint(by: Sequence[str]) -> str:
    step = below(by)
    return f"Select a row to see its cost by {step}." if step else "Take a filter away to go up again."


def plain(word: str) -> str:
    return safe_text(word)


def deeper(table: str, by: Sequence[str], rows: Sequence[tuple[Value, ...]]) -> None:
    """Go into the row that was selected: it becomes a filter, and what is below it the grouping."""
    step, selected = below(by), st.session_state[table].selection.rows
    if step is None or not selected or selected[0] >= len(rows):  # the total is not a line
        return
    here = [f"{d}={value}" for d, value in zip(by, rows[selected[0]], strict=True)]
    st.session_state[ONLY] = list(dict.fromkeys((*st.session_state.get(ONLY, ()), *here)))
    st.session_state[BY] = [step]
