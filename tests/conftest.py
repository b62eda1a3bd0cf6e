"""How the tests run: how many examples, which of them side by side, and with which browser."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.engine import cheap_ledgers  # noqa: F401  around every test
from tests.examples import load_profile
from tests.places import place, shared  # noqa: F401  fixtures of every test
from tests.rigs import (  # noqa: F401  fixtures of every test
    broker,
    cluster,
    hubble,
    kafka,
    kube,
    postgres,
    private_kafka,
    promtool,
    s3,
    secure_kafka,
)
from tests.small_disk import small_disk  # noqa: F401

load_profile()

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

BROKERS = {"kafka", "broker", "secure_kafka"}
CLUSTERS = {"kube", "cluster"}
PLACES = {"postgres", "s3", "place", "shared"}


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in this hook, before a conftest that does not ask
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one shared server or ledger run in one process, so that `-n 3` starts or fills it once."""
    for item in items:
        if group := lane(item) or folder(item) or module(item):
            item.add_marker(pytest.mark.xdist_group(group))


def lane(item: pytest.Item) -> str | None:
    """Tests of a broker and tests of only a database or S3 may run side by side; of a folder, anywhere."""
    names = set(getattr(item, "fixturenames", ()))
    if BROKERS & names:
        return "brokers"
    if CLUSTERS & names:
        return "clusters"
    callspec = getattr(item, "callspec", None)
    if callspec is not None and callspec.params.get("place") == "sqlite":
        names.discard("place")
    return "places" if PLACES & names else None


def folder(item: pytest.Item) -> str | None:
    """The folder of tests that share what its own conftest.py makes once a process."""
    if item.get_closest_marker("xdist_group") is not None or not isinstance(item, pytest.Function):
        return None
    made = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]
    own = {fixture.baseid for fixture in made if fixture.scope == "session"} - {"", "tests"}
    return min(own, default=None)


def module(item: pytest.Item) -> str | None:
    """The module whose tests share what its fixture made, where they have no group of their own."""
    if item.get_closest_marker("xdist_group") is not None or not isinstance(item, pytest.Function):
        return None
    scopes = {made[-1].scope for made in item._fixtureinfo.name2fixturedefs.values()}
    return item.nodeid.split("::")[0] if "module" in scopes else None


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a real Chromium; without one the test is skipped, but in CI it fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "no Chromium on the PATH; on Debian: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
