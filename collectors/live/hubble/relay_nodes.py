"""Nodes that relay says it has no flows of: a gap from their newest flow on, told again while it lasts."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.live.hubble.completed import GapRow
from collectors.live.hubble.relay_lines import Status

CONNECTED, UNAVAILABLE, GONE, ERROR = 1, 2, 3, 4
_KINDS = {UNAVAILABLE: "node_unavailable", GONE: "node_gone", ERROR: "node_error"}
GRACE = 10 * 10**6
"""Microseconds for a node to come back with all its flows: relay just started knows none of its nodes yet."""
AGAIN = 600 * 10**6
"""Microseconds between two gaps of one node that stays away."""


class Away:
    """Microseconds of our clock; the cursor is until when each node's absence is told."""

    def __init__(self, cursor: Mapping[str, int] | None) -> None:
        self._told = dict(cursor or {})
        self._due: dict[str, int] = {}
        """When it is told next, if it is still away."""
        self.connected = False
        """Whether relay has a node at all."""
        self.errors: list[str] = []
        """What nodes now answer to the request; taken away by who sends it anew."""
        self._failed: set[str] = set()
        """Nodes that only a flow shows to be back: relay is connected to them and gets an error."""
        self._rows: list[GapRow] = []

    def __len__(self) -> int:
        return len(self._told)

    def cursor(self) -> dict[str, int]:
        return dict(self._told)

    def names(self) -> list[str]:
        return sorted(self._told)

    def back(self, node: str) -> None:
        """It gave a flow; what it no longer had is found by `Marks`."""
        self.connected = True
        if node in self._told:
            del self._told[node]
            self._due.pop(node, None)
            self._failed.discard(node)

    def told(self, status: Status, newest: Mapping[str, int], time: int, now: int) -> None:
        """`newest` is of each node's flows, where there is one; `time` is relay's, of this word."""
        for node in status.nodes:
            if status.state == CONNECTED:
                self.connected = True
                if node not in self._failed:
                    self.back(node)
            elif status.state == UNAVAILABLE:
                self._told.setdefault(node, min(newest.get(node, now), now))
            elif status.state == GONE:
                self._rows.append(_row(node, GONE, min(newest.get(node, now), now), now, status.message))
                self.back(node)
            elif status.state == ERROR and node not in self._failed:
                self._rows.append(_row(node, ERROR, min(time, now), now, status.message))
                self._told[node] = now
                self._failed.add(node)
                self.errors.append(status.message)

    def rows(self, now: int) -> list[GapRow]:
        """Gaps that are due; each is given once."""
        rows, self._rows = self._rows, []
        for node, told in self._told.items():
            if now >= self._due.setdefault(node, now + GRACE):
                rows.append(_row(node, UNAVAILABLE, told, now, "relay has no flows of it"))
                self._told[node], self._due[node] = now, now + AGAIN
        return rows


def _row(node: str, state: int, start: int, end: int, message: str) -> GapRow:
    return GapRow(f"hubble/{node}", _KINDS[state], start, end, None, message[:200])
