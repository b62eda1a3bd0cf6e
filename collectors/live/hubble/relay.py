"""The flows of all nodes from hubble-relay, followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import grpc

from collectors.hubble import flows as hubble
from collectors.hubble.lines import Flow
from collectors.live.clocks import Clocks
from collectors.live.contract import Cursor, Turn, Watch
from collectors.live.hubble.completed import GapRow, completed, with_gaps
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.places import Places
from collectors.live.hubble.relay_lines import Received, received
from collectors.live.hubble.relay_marks import Marks
from collectors.live.hubble.relay_nodes import Away
from collectors.live.hubble.relay_stream import Stream, channel
from collectors.parsed import Parsed
from pipeline.events import Rejected

_PART = "relay"
_NODES = "nodes"
LONGEST_PAUSE_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
"""After which a relay that never answered is said to be silent."""
QUIET_SECONDS = 60.0
"""After which one that answered is: a cluster's own health checks are flows too."""
_FLOWS = "flows"


class Relay:
    """A turn is what came within `poll_seconds`; the cursor holds each node's newest flows."""

    name = "relay"

    def __init__(self, settings: HubbleSettings, places: Places, cluster: str) -> None:
        """Raises ConfigError."""
        channel(settings).close()
        self._settings, self._places, self._cluster = settings, places, cluster

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        follow = _Following(cursor or {}, self._places, self._cluster)
        clocks, masked, pause = Clocks("flow", "node", "hubble"), True, 1.0
        while True:
            stream = Stream(self._settings, follow.marks.begun(), masked=masked)
            follow.away.connected, silent = False, 0.0
            try:
                while not (stream.ended.is_set() and stream.empty):
                    answers = stream.answers(watch, self._settings.poll_seconds)
                    rows = follow.away.rows(watch.now())
                    if answers or rows:
                        turn = follow.turn(answers, rows, watch.now())
                        clocks.told(turn.parsed.events, turn.time, watch)
                        yield turn
                    silent = 0.0 if answers else silent + self._settings.poll_seconds
                    self._tell(follow.away, silent, watch)
                    if watch.wait(0):
                        return
                    if follow.away.errors:
                        break
            finally:
                stream.close()
            if follow.away.connected:
                pause = 1.0
            if any("fieldmask" in message for message in follow.away.errors):
                masked = False
            self._lost(stream.error, watch)
            follow.away.errors.clear()
            if not _renewed(stream.error):
                if watch.wait(pause):
                    return
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _tell(self, away: Away, silent: float, watch: Watch) -> None:
        if away.connected:
            watch.goes_on(_PART)
        elif away:
            watch.waits(_PART, f"relay at {self._settings.relay} is connected to no node")
        elif silent > _ANSWER_SECONDS:
            reason = "has no node, or wants a certificate (hubble.relay_certfile)"
            watch.waits(_PART, f"relay at {self._settings.relay} does not answer: it {reason}")
        if away.connected and silent > QUIET_SECONDS:
            watch.notes(_FLOWS, f"relay has sent nothing for more than {QUIET_SECONDS:g} s")
        else:
            watch.goes_on(_FLOWS)
        if away:
            watch.notes(_NODES, f"{len(away)} without a connection to relay: {', '.join(away.names()[:10])}")
        else:
            watch.goes_on(_NODES)

    def _lost(self, error: grpc.RpcError | None, watch: Watch) -> None:
        if error is None or _renewed(error):
            return
        told = f"{error.code().name}: {error.details()}"
        watch.waits(_PART, f"relay at {self._settings.relay}: {told}")


def _renewed(error: grpc.RpcError | None) -> bool:
    return error is not None and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


class _Following:
    """What the cursor keeps, and the turns that move it."""

    def __init__(self, cursor: Mapping[str, Any], places: Places, cluster: str) -> None:
        self.marks = Marks(cursor.get("nodes"))
        self.away = Away(cursor.get("away"))
        self._window: Mapping[str, int] = cursor.get("window", {})
        self._places, self._cluster = places, cluster

    def turn(self, answers: Sequence[bytes], rows: list[GapRow], now: int) -> Turn:
        got = [received(data) for data in answers]
        kept = [one for one in got if self._new(one, now)]
        parsed = parse(kept, cluster=self._cluster)
        parsed = _with_repeated(parsed, len(got) - len(kept))
        parsed, self._window = completed(parsed, self._places, self._window)
        rows = [*rows, *self.away.rows(now), *self._holes()]
        cursor = {
            "nodes": self.marks.cursor(now),
            "away": self.away.cursor(),
            "window": dict(self._window),
        }
        return Turn(with_gaps(parsed, self._cluster, rows), cursor, now)

    def _new(self, one: Received, now: int) -> bool:
        if one.status is not None:
            newest = {n: at // 1_000 for n in one.status.nodes if (at := self.marks.newest(n))}
            self.away.told(one.status, newest, one.time // 1_000, now)
        if not one.identity or not one.node or not one.time:
            return True
        if not isinstance(one.line, Flow):
            return not self.marks.again(one.node, one.time, one.identity, now)
        self.away.back(one.node)
        return self.marks.new(one.node, one.time, one.identity, now)

    def _holes(self) -> list[GapRow]:
        return [
            GapRow(f"hubble/{h.node}", h.kind, h.start // 1_000, -(-h.end // 1_000), None, h.detail)
            for h in self.marks.holes()
        ]


def parse(answers: Sequence[Received], *, cluster: str) -> Parsed:
    """One event a flow, as of the lines of a file; the unit counted is an answer."""
    lines = [
        one.line._replace(row=row) if isinstance(one.line, Rejected) else one.line
        for row, one in enumerate(answers)
    ]
    return hubble.taken([lines], cluster)


def _with_repeated(parsed: Parsed, repeated: int) -> Parsed:
    if not repeated:
        return parsed
    excluded = parsed.excluded + Counter(repeated=repeated)
    return replace(parsed, read=parsed.read + repeated, excluded=excluded)
