"""Settled days computed beforehand: whoever asks first finds them, whatever he asks by."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from unittest.mock import patch

from pipeline.answers import cost_days, cost_query
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.settings.groups import Settings
from pipeline.store import Store
from pipeline.up.keeping import keeping
from tests.cost_rows import allocation, at, device, ledger, minutes
from tests.test_up import Clocked

DAYS = 3


class At(Clocked):
    def now(self) -> int:
        return int((at(24 * DAYS) + timedelta(hours=7)).replace(tzinfo=UTC).timestamp() * 1e6)


def test_the_first_question_after_a_start_computes_no_day_that_was_settled(tmp_path: Path) -> None:
    """Fourteen seconds of a month of 1,000 GPUs: a page that is opened first thing must not pay them."""
    end = at(24 * DAYS)
    held = [allocation("a", "p", at(1), end)]
    used = [row for day in range(DAYS) for row in minutes("a", at(24 * day + 2), at(24 * day + 3), 30)]
    ledger(tmp_path, devices=[device("a", at(0), end)], allocations=held, gpu_usage=used).close()
    with patch.object(cost_days, "KEPT_FROM_ROWS", 0):
        keeping(Settings(), tmp_path)(At(1))
        with (
            Store.open(tmp_path, read_only=True) as store,
            patch.object(cost_query, "worked", side_effect=AssertionError("a day was computed")),
        ):
            asked = (Window(at(24), end), ("model", "day"), PriceBook.bundled(), "USD")
            answer = cost(store, *asked, CostRule(), Ownership())
    assert answer.total is not None and len(answer.rows) == DAYS - 1


def test_a_ledger_that_is_not_there_yet_is_nothing_to_say(tmp_path: Path) -> None:
    """Whoever starts for the first time has no day to keep, and no fault."""
    keeping(Settings(), tmp_path / "none")(At(2))
