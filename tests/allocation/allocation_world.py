"""A simulated API server: a history of objects, listed and watched through breaks, by the real followers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import kinds
from collectors.live.kube.answers import Away, Forbidden, Gone, ListMeta, Page
from collectors.live.kube.news import News
from collectors.live.kube.watch import Follower, Kind

KINDS = {kind.name: kind for kind in kinds(AllocationSettings())}
SECOND = 1_000_000
Json = dict[str, Any]
How = Literal["ends", "away", "too old", "forbidden", "forgets"]


class Change(NamedTuple):
    """Its place in the history is its version."""

    time: int
    kind: str
    what: Literal["put", "gone"]
    object: Json


class Break(NamedTuple):
    """The watch of a resource ends at `start`, and is not served again before `end`.

    A server that `forgets` has no version older than now, nor the second page of a list.
    """

    kind: str
    how: How
    start: int
    end: int


@dataclass
class _Server:
    """What a follower asks of a server, at a time that only waiting and events move on."""

    kind: str
    history: Sequence[Change]
    breaks: Sequence[Break]
    clock: int
    until: int
    twice: bool
    closed: bool = False
    known_from: int = 0

    def now(self) -> int:
        return self.clock

    def pages(self, paths: tuple[str, ...], accept: str, *, at_once: bool) -> Iterator[Page]:
        self._answers("list")
        found: dict[str, Json] = {}
        version = 0
        for number, change in enumerate(self.history, 1):
            if change.time <= self.clock:
                version = number
                if change.kind == self.kind:
                    found.pop(change.object["metadata"]["uid"], None)
                    if change.what == "put":
                        found[change.object["metadata"]["uid"]] = change.object
        items = [msgspec.Raw(json.dumps(one).encode()) for one in found.values()]
        half = 0 if at_once else len(items) // 2
        for part, last in ((items[:half], False), (items[half:], True)):
            if last and not at_once and self._is("forgets"):
                raise Gone("too old to go on with")
            yield Page(ListMeta(str(version), None if last else "more"), part)

    def lines(self, paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]:
        self._answers("watch")
        if int(version) < self.known_from:
            raise Gone("too old resource version")
        yield b""
        ahead = [b for b in self.breaks if b.start > self.clock]
        stop = min([b.start for b in ahead], default=self.until)
        for number, change in enumerate(self.history, 1):
            if number > int(version) and change.time <= min(stop, self.until):
                self.clock = max(self.clock, change.time)
                for _ in range(1 + self.twice):
                    yield self._line(number, change)
        self.clock = max(self.clock, min(stop, self.until))
        if self.clock >= self.until:
            self.closed = True
            return
        self._answers("watch")

    def _line(self, number: int, change: Change) -> bytes:
        told: Json = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(number)}}}
        if change.kind == self.kind:
            metadata = change.object["metadata"] | {"resourceVersion": str(number)}
            told = {
                "type": "DELETED" if change.what == "gone" else "MODIFIED",
                "object": change.object | {"metadata": metadata},
            }
        return json.dumps(told).encode()

    def _answers(self, verb: str) -> None:
        if self._is("forgets") and verb == "watch":
            self.known_from = sum(c.time <= self.clock for c in self.history)
        for one in self.breaks:
            if one.start <= self.clock < one.end:
                if one.how == "too old":
                    self.known_from = sum(c.time <= one.end for c in self.history)
                if one.how == "forbidden":
                    raise Forbidden(verb, "not yet")
                if one.how not in ("ends", "forgets"):
                    raise Away("nobody there")

    def _is(self, how: How) -> bool:
        return any(one.how == how and one.start <= self.clock < one.end for one in self.breaks)


class _Watch:
    """Waiting is what moves the time on."""

    def __init__(self, server: _Server) -> None:
        self.server = server

    def now(self) -> int:
        return self.server.clock

    def wait(self, seconds: float) -> bool:
        self.server.clock += int(seconds * SECOND)
        return self.server.clock >= self.server.until

    def waits(self, part: str, reason: str) -> None: ...
    def notes(self, part: str, reason: str) -> None: ...
    def goes_on(self, *parts: str) -> None: ...


@dataclass
class Life:
    """What the followers of one process told, from its start until its end."""

    news: list[News] = field(default_factory=list)
    blind: list[tuple[int, int]] = field(default_factory=list)

    def seen(self, now: int) -> int:
        return min([since for since, until in self.blind if since <= now < until], default=now)


def live(
    history: Sequence[Change], breaks: Sequence[Break], start: int, until: int, *, twice: bool = False
) -> Life:
    """News of all resources, in the order in which they came."""
    life = Life()
    for kind in KINDS.values():
        mine = [b for b in breaks if b.kind == kind.name]
        found, follower = _followed(kind, _Server(kind.name, history, mine, start, until, twice))
        life.news += found
        life.blind += [(n.value, n.at) for n in found if n.what in ("back", "synced") and n.value]
        if follower.blind_since is not None:
            life.blind.append((follower.blind_since, until + 1))
    life.news.sort(key=lambda news: news.at)
    return life


def _followed(kind: Kind, server: _Server) -> tuple[list[News], Follower]:
    found: list[News] = []
    follower = Follower(kind, server, found.append, _Watch(server))
    follower.run()
    return found, follower
