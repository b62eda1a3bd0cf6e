"""docs/cost.md shows a month of a real control plane whose nodes and prices change: the plain sum."""

from __future__ import annotations

from pathlib import Path

from tests.cost.rig_month import check, loaded, month, table

HISTORY = Path(__file__).with_name("rig_month.json")
"""As tests/allocation/test_month_rig.py lives it, recorded once."""
DOCS = Path(__file__).parents[2] / "docs" / "cost.md"


def test_the_page_shows_the_recorded_month() -> None:
    """A figure that nobody computes again would go on to be shown where it no longer holds."""
    lines = month(loaded(HISTORY))
    check(lines)
    assert table(lines) in DOCS.read_text(), f"write this into docs/cost.md:\n{table(lines)}"
