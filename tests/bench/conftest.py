"""The fixture with which a bench keeps what it measured."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import recorded


@pytest.fixture
def record() -> Callable[..., None]:
    """record(name, **numbers): one line of the results."""
    return recorded.record
