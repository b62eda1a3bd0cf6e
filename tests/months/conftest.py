"""The closed month that several files of tests look at."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.answers.window import month
from pipeline.months.closings import closing
from pipeline.store import Store
from reports.read import read
from reports.statement import Statement
from tests.months.months_scene import eventful


@pytest.fixture(scope="session")
def february(tmp_path_factory: pytest.TempPathFactory) -> Statement:
    """Closed, with a correction, a credit, a booking in another currency, mark-up, tax and a team that is
    only shown."""
    place = tmp_path_factory.mktemp("february") / "ledger"
    with eventful(place) as store:
        given = closing(store, datetime(2026, 2, 1)).thawed()
        return read(store, lambda n: Store.open(place, snapshot=n), month(2026, 2), given)
