"""How far each node's flows are taken: what relay sends again counts once, and what it cannot is known.

An agent keeps its last flows in a ring, in order of time.  A request asks for those since a moment at which
every node's newest flow was still to come.  So a node that gives one of its flows again has lost none in
between; one whose first flow is new no longer has the older ones: a gap from its newest flow to that one.
Times are each node's own, so a clock that is an hour off disturbs no other node.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

OVERLAP = 2 * 10**9
"""Nanoseconds before a node's newest flow in which another one may still come: an agent reads the rings of
several processors, and relay sorts a hundred flows."""
MOST = 20_000
"""Flows remembered by their identity, of all nodes; a node with more than its share is held to less time."""
SET_BACK = 60 * 10**6
"""Microseconds of nothing but flows that are too old, after which the node's clock has been set back."""
FORGOTTEN = 24 * 3_600 * 10**6
"""Microseconds without a flow after which a node is no longer asked for."""
_OVERWRITTEN = "the node's agent no longer had the flows in between, or was started anew"


class Mark(msgspec.Struct):
    """One node in the cursor; `floor` and `newest` in nanoseconds of its clock, `heard` and `behind` in
    microseconds of ours."""

    floor: int = 0
    """What is older than this is taken."""
    newest: int = 0
    seen: dict[str, int] = {}
    """Identity to time of the flows from `floor` on."""
    heard: int = 0
    behind: int = 0
    """Since when it gives only flows that are too old; 0 where it does not."""


class Hole(NamedTuple):
    """What a node no longer had; nanoseconds of its clock."""

    node: str
    kind: str
    start: int
    end: int
    detail: str


class Marks:
    """`new` is asked of every flow in the order in which it came; `begun` with every request."""

    def __init__(self, cursor: Mapping[str, Any] | None) -> None:
        self._nodes = msgspec.convert(cursor, dict[str, Mark]) if cursor else {}
        self._met: set[str] = set()
        """Nodes whose place in this request is known: they gave a flow again, or a hole was told."""
        self._holes: list[Hole] = []
        self._doubts: dict[str, Hole] = {}
        """Of nodes whose first flow is new and yet not their newest: one that was taken may still follow."""

    def begun(self) -> int:
        """A new request: nanoseconds since 1970 from which on it asks; 0 for all that there is."""
        self._met.clear()
        known = [mark.newest for mark in self._nodes.values() if mark.newest]
        return max(0, min(known, default=0) - OVERLAP)

    def newest(self, node: str) -> int:
        """Nanoseconds of the node's newest flow; 0 where there is none."""
        mark = self._nodes.get(node)
        return mark.newest if mark else 0

    def new(self, node: str, time: int, identity: str, now: int) -> bool:
        """Whether a flow was not taken yet; `now` in microseconds of our clock."""
        mark = self._nodes.setdefault(node, Mark())
        mark.heard = now
        if time < mark.floor:
            return self._too_old(node, mark, time, now)
        mark.behind = 0
        if identity in mark.seen:
            self._meet(node)
            return False
        if node not in self._met:
            self._unmet(node, mark.newest, time)
        mark.seen[identity] = time
        mark.newest = max(mark.newest, time)
        return True

    def _meet(self, node: str) -> None:
        self._met.add(node)
        self._doubts.pop(node, None)

    def _unmet(self, node: str, newest: int, time: int) -> None:
        hole = Hole(node, "flows_overwritten", min(newest, time), max(newest, time), _OVERWRITTEN)
        if newest and time <= newest:
            self._doubts.setdefault(node, hole)
            return
        if newest:
            self._holes.append(hole)
        self._meet(node)

    def holes(self) -> list[Hole]:
        """Those found since the last call; who asks has given all that came with the flows so far."""
        found, self._holes = [*self._holes, *self._doubts.values()], []
        for node in list(self._doubts):
            self._meet(node)
        return found

    def again(self, node: str, time: int, identity: str, now: int) -> bool:
        """Whether a loss, which tells of no flow, was told before."""
        mark = self._nodes.setdefault(node, Mark())
        mark.heard = now
        if time < mark.floor or identity in mark.seen:
            return True
        mark.seen[identity] = time
        return False

    def _too_old(self, node: str, mark: Mark, time: int, now: int) -> bool:
        """Sent again, or by a clock that was set back: those go on, which a repetition does not."""
        mark.behind = mark.behind or now
        if now - mark.behind < SET_BACK:
            return False
        detail = "the node's clock was set back; flows until it was noticed are taken for repeated ones"
        self._holes.append(Hole(node, "clock_set_back", time - (now - mark.behind) * 1_000, time, detail))
        self._nodes[node] = Mark(newest=time, heard=now)
        self._meet(node)
        return True

    def cursor(self, now: int) -> dict[str, Any]:
        """What to remember, in JSON's values."""
        self._nodes = {n: m for n, m in self._nodes.items() if now - m.heard < FORGOTTEN}
        share = max(1, MOST // max(1, len(self._nodes)))
        for mark in self._nodes.values():
            mark.floor = max(mark.floor, mark.newest - OVERLAP)
            kept = sorted(((t, i) for i, t in mark.seen.items() if t >= mark.floor), reverse=True)
            if len(kept) > share:
                mark.floor = kept[share][0] + 1
                kept = [pair for pair in kept if pair[0] >= mark.floor]
            mark.seen = {identity: time for time, identity in kept}
        return {node: msgspec.to_builtins(mark) for node, mark in self._nodes.items()}
