"""The producer's page is true: each example is taken as it stands, and every refusal has its line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.events import TYPES, Message, decode
from pipeline.wire import verdict

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLES = [line for line in PAGE.splitlines() if line.startswith('{"specversion"')]
THEN = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1e6)


@pytest.mark.parametrize("line", EXAMPLES)
def test_each_example_is_taken(line):
    decoded = decode(
        Message("file", "", 0, 0, THEN, {"content-type": "application/cloudevents+json"}, line.encode())
    )
    assert decoded.rejected == () and decoded.events.num_rows == 1


def test_every_kind_is_listed():
    assert all(f"`{name}`" in PAGE for name in TYPES)


def test_every_reason_is_explained():
    reasons = re.search(r"`reason` is a code: (.*?)\.\n", verdict.Rejected.__doc__, re.S).group(1)
    for reason in re.split(r",\s*", reasons):
        assert f"`{reason.strip()}`" in PAGE
