"""The files of Hubble's exporter, followed on the node that writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from collectors.hubble import flows as hubble
from collectors.live.clocks import Clocks
from collectors.live.contract import Cursor, Turn, Watch
from collectors.live.hubble.completed import GapRow, completed, with_gaps
from collectors.live.hubble.followed import PIECE_BYTES
from collectors.live.hubble.places import Places
from collectors.live.hubble.tail import Piece, Tail
from collectors.parsed import Parsed
from pipeline.events import Rejected

_PART = "files"


class Files:
    """A turn is what one file had at once, up to 8 MiB; the cursor holds every file's place."""

    name = "files"

    def __init__(self, patterns: list[str], places: Places, cluster: str, poll_seconds: float) -> None:
        self._patterns, self._places = patterns, places
        self._cluster, self._poll_seconds = cluster, poll_seconds
        self._noted: set[str] = set()

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        tail = Tail(self._patterns, cursor["tail"] if cursor else None)
        window = cursor["window"] if cursor else {}
        clocks, began = Clocks("flow", "node", "hubble"), False
        try:
            while True:
                for piece in tail.pieces(watch.now()):
                    parsed, window = completed(self._parsed(piece), self._places, window)
                    clocks.told(parsed.events, watch.now(), watch)
                    yield Turn(parsed, {"tail": tail.cursor(), "window": window}, watch.now())
                    if watch.wait(0):
                        return
                self._tell(tail, watch)
                if tail.present and not began:
                    began = True
                    yield Turn(Parsed(0, 0), {"tail": tail.cursor(), "window": window}, watch.now())
                if watch.wait(self._poll_seconds):
                    return
        finally:
            tail.close()

    def _parsed(self, piece: Piece) -> Parsed:
        parsed = hubble.parse(piece.lines, cluster=self._cluster)
        if piece.too_long:
            refused = Rejected("too_large", f"a line of more than {PIECE_BYTES} bytes", parsed.read)
            parsed = replace(parsed, read=parsed.read + 1, rejected=(*parsed.rejected, refused))
        if piece.gap is None:
            return parsed
        gap = piece.gap
        row = GapRow(f"hubble/{gap.path}", gap.kind, gap.start, gap.end, None, gap.detail)
        return with_gaps(parsed, self._cluster, [row])

    def _tell(self, tail: Tail, watch: Watch) -> None:
        """What cannot be read is said; without any file there is nothing to be ready for."""
        for path, reason in tail.unreadable.items():
            watch.notes(path, f"cannot be read: {reason}; the collector needs the right to read it")
        watch.goes_on(*(self._noted - tail.unreadable.keys()))
        self._noted = set(tail.unreadable)
        if tail.present:
            watch.goes_on(_PART)
        else:
            asked = ", ".join(self._patterns)
            watch.waits(
                _PART, f"no file that can be read at {asked}; is Hubble's exporter switched on there?"
            )
