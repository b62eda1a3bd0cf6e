"""A cost question is asked without the parts that have nothing to do, and says what it says with them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.answers import cost_lines
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.prices import PriceBook
from pipeline.settings.cost import CostRule, Method
from tests.cost.test_cost_laws import plain_store
from tests.cost_rows import allocation, at, device, minutes

BOOK = PriceBook.flat(Decimal("7"), "USD")
WINDOW = Window(at(0), at(2))
RULES = (CostRule(), CostRule(Method.usage))


def test_a_cost_is_the_same_with_every_part_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that took off too much would lose what it spreads, splits or covers: the bill would be short."""
    held = [allocation("a", "p", at(0), at(1)), allocation("a", "q", at(1), None, (1, 2))]
    seen = minutes("a", at(0), at(1), 30, active=45, idle_held=15)
    devices = [device("a", at(0), time=at(2))]
    with plain_store(str(tmp_path), devices=devices, allocations=held, gpu_usage=seen) as store:
        short = [cost(store, WINDOW, ("pod",), BOOK, rule=rule) for rule in RULES]
        monkeypatch.setattr(cost_lines, "_needless", lambda *_: [])
        assert [cost(store, WINDOW, ("pod",), BOOK, rule=rule) for rule in RULES] == short
    assert all(len(answer.rows) > 2 for answer in short)
