"""Requests and responses come apart, in any order: each waits for the other, bounded in time and bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from collectors.live.inference import kserve
from collectors.live.inference.found import Found
from collectors.live.inference.kserve import Half
from collectors.live.inference.rules import Rules
from pipeline.events import Rejected

_SIZED = msgspec.json.Encoder()


class Waiting(msgspec.Struct, frozen=True):
    """A half and when it came, microseconds since 1970 UTC by our clock."""

    half: Half
    since: int


class _Held(NamedTuple):
    waiting: Waiting
    size: int


class Pairs:
    """What waits is a value: `waiting` gives it out, and a new `Pairs` takes it up again after a restart."""

    def __init__(self, wait_seconds: float, most_bytes: int) -> None:
        self._wait = int(wait_seconds * 1_000_000)
        self._most = most_bytes
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def waiting(self) -> Iterator[Waiting]:
        return (held.waiting for held in self._held.values())

    def hold(self, waiting: Waiting) -> None:
        self.drop(waiting.half)
        size = len(_SIZED.encode(waiting.half))
        self._held[_key(waiting.half)] = _Held(waiting, size)
        self.bytes += size

    def drop(self, half: Half) -> None:
        """It no longer waits."""
        held = self._held.pop(_key(half), None)
        self.bytes -= held.size if held else 0

    def put(self, half: Half, now: int) -> Half | None:
        """The other half, which no longer waits; None where this one waits now."""
        held = self._held.get(_key(half))
        if held is None or held.waiting.half.is_request == half.is_request:
            self.hold(Waiting(half, now))
            return None
        self.drop(held.waiting.half)
        return held.waiting.half

    def late(self, now: int) -> list[Half]:
        """Those whose other half did not come in time, and the oldest of too many; none of them waits now."""
        gone: list[Half] = []
        while (oldest := self._overdue(now)) is not None:
            self.drop(oldest)
            gone.append(oldest)
        return gone

    def overdue(self, now: int) -> bool:
        return self._overdue(now) is not None

    def _overdue(self, now: int) -> Half | None:
        if not self._held:
            return None
        oldest = next(iter(self._held.values())).waiting
        return oldest.half if self.bytes > self._most or now - oldest.since >= self._wait else None


def _key(half: Half) -> tuple[str, str]:
    return half.source, half.id


def join(one: Half, other: Half, rules: Rules) -> Found:
    """The rows of an exchange.  The unit is a row of the response."""
    request, response = (one, other) if one.is_request else (other, one)
    rows = kserve.joined(request, response, rules)
    if isinstance(rows, Rejected):
        return Found(rejected=[rows])
    found = Found(rows={"inference": rows})
    if response.time < request.time:
        seconds = (request.time - response.time) / 1e6
        found.refuse("out_of_range", f"a response {seconds:g} s before its request: no latency is taken")
    return found


def unpaired(half: Half, rules: Rules) -> Found:
    """A half alone: a response still tells its predictions; a request whose answer is not known does not.

    KServe logs a response only where it is a 200, so a request without one failed, or its response was lost.
    """
    units = max(len(half.rows), 1)
    if half.is_request:
        found = Found()
        found.excluded["response_missing"] = units
        return found
    found = Found(rows={"inference": kserve.alone(half, rules)})
    found.excluded["request_missing"] = units
    return found
