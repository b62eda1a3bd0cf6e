"""What is known to be missing of the requests and labels of a window, as sentences beside an answer."""

from __future__ import annotations

from typing import Any

from pipeline.answers.window import Window
from pipeline.facts.control import GAPS
from pipeline.store import Store

LOST = "known to be missing of requests and labels here: {told}; driftledger status names each source"


def notes(store: Store, window: Window) -> tuple[str, ...]:
    """One sentence that counts losses by kind, or none where nothing is known to be missing."""
    found = store.lasting("serving_gaps", GAPS.name, start=window.start, end=window.end).to_pylist()
    return (LOST.format(told=", ".join(_told(row) for row in found)),) if found else ()


def _told(row: dict[str, Any]) -> str:
    """`offsets_lost 12 messages`, and how many losses nobody can count."""
    counted = [f"{row['lost']:,} messages"] if row["lost"] is not None else []
    unknown = [f"{row['uncounted']} of unknown size"] if row["uncounted"] else []
    return f"{row['kind']} {' and '.join((*counted, *unknown))}"
