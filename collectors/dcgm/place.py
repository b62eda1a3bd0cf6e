"""What the reader of a row of scrapes must not forget between two looks: as JSON it is a live cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

SECOND = 1_000_000
"""Microseconds."""
FORGET = 7 * 86_400 * SECOND
"""After so long without a sample a device or a target that comes back begins anew."""
SAY_AGAIN = 86_400 * SECOND
MOST_SAID = 5_000


class Seen(msgspec.Struct):
    """A device's last sample."""

    at: int
    """Microseconds since 1970 UTC, as every time here."""
    target: str
    counters: dict[str, float]


class Target(msgspec.Struct):
    """An exporter's last scrape, and the lines of those that may be looked at again, by their time."""

    at: int
    lines: dict[str, int]
    percent: bool = False
    """It was seen to write percent under the names of ratios."""


class Place(msgspec.Struct):
    since: int
    """Nothing at or before this instant is read: here reading began."""
    until: int
    """Everything up to here was looked at, once at least."""
    devices: dict[str, Seen] = {}
    targets: dict[str, Target] = {}
    refused: dict[str, int] = {}
    """When a lasting refusal was last said, by what and why."""
    set_back: int = 0
    """The `until` of which it was said that the clock was set back behind it; 0 of none."""

    @classmethod
    def beginning(cls, since: int) -> Place:
        return cls(since, since)

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> Place:
        return msgspec.convert(dict(cursor), cls)

    def cursor(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made

    def copy(self) -> Place:
        return Place.of(self.cursor())

    def forgets(self, look_back: int) -> None:
        """What is older than it can matter; scrapes older than `look_back` are not looked at again."""
        old = self.until - FORGET
        self.devices = {name: seen for name, seen in self.devices.items() if seen.at > old}
        self.targets = {name: target for name, target in self.targets.items() if target.at > old}
        self.refused = {what: at for what, at in self.refused.items() if self.until - at < SAY_AGAIN}
        for target in self.targets.values():
            target.lines = {at: n for at, n in target.lines.items() if int(at) > self.until - look_back}


def says(refused: dict[str, int], what: str, time: int) -> bool:
    """Whether a lasting refusal is said now, the first time and again after a day; noted in `refused`."""
    last = refused.get(what)
    if last is None and len(refused) >= MOST_SAID:
        return False
    if last is not None and time - last < SAY_AGAIN:
        return False
    refused[what] = time
    return True
