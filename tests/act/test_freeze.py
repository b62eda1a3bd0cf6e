"""When a freeze ends, whatever became of the note that says so."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.actuator import freeze
from pipeline.actuator.patching import ANNOTATION

NOW = datetime(2026, 11, 24, 12)


class Api:
    """A cluster with one freeze."""

    def __init__(self, marks: dict[str, str]) -> None:
        self.marks = {ANNOTATION: "a"} | marks
        self.deleted: list[str] = []

    def get(self, *_: object) -> dict:
        return {"metadata": {"uid": "u", "annotations": self.marks}}

    def delete(self, *where: str) -> dict:
        self.deleted.append(where[-1])
        return {}


@pytest.mark.parametrize(
    ("marks", "over"),
    [
        ({freeze.EXPIRES: "2026-11-24T12:00:01Z"}, False),
        ({freeze.EXPIRES: "2026-11-24T12:00:00Z"}, True),
        ({}, True),
        ({freeze.EXPIRES: "soon"}, True),
        ({freeze.EXPIRES: "2026-11-24T12:00:00+02:00"}, True),
    ],
)
def test_a_freeze_ends_at_its_time_or_when_nobody_can_tell_it(marks: dict[str, str], over: bool) -> None:
    """A mark that somebody removed must neither hold a team for ever nor stop every other action's tick."""
    api = Api(marks)
    step = freeze.thaw(api, "ns", NOW, "a")
    assert (step is not None, api.deleted) == (over, ["u"] if over else [])
