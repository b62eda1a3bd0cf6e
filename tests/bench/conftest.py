"""What benches share: the keeping of what was measured, and whom they are compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.lake import session
from tests import recorded

USERS = session.SHARED_FROM_ROWS


@pytest.fixture(scope="session", autouse=True)
def ledgers_as_a_users(cheap_ledgers: None) -> Iterator[None]:
    """The ledgers of other tests have one thread each however large they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "SHARED_FROM_ROWS", USERS)
        yield


@pytest.fixture
def record() -> Callable[..., None]:
    """record(name, **numbers): one line of the results."""
    return recorded.record


@pytest.fixture(scope="session")
def nannyml() -> Path:
    """The Python of NannyML's environment; a comparison without it would have measured nothing."""
    found = Path(os.environ.get("NANNYML_PYTHON", ".venv-nannyml/bin/python"))
    if not found.exists():
        pytest.fail("NannyML's environment is not there; `make bench` makes it")
    return found
