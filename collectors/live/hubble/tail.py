"""Files followed through rename, compression, cuts and deletion: a line comes once, or a gap says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from collectors.hubble.times import line_times
from collectors.live.hubble.followed import HEAD_BYTES, PIECE_BYTES, UNREADABLE, Followed
from collectors.live.hubble.matching import Open, matched
from collectors.live.hubble.names import listed

_LOOKS = 2
"""A file is gone when it is missing so often: between listing and opening it may have been renamed."""


class Gap(NamedTuple):
    """Lines of a file that are gone: bounds in microseconds since 1970 UTC; `start` 0 is unknown."""

    path: str
    kind: str
    start: int
    end: int
    detail: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one file, or the last one of a file that is closed."""

    lines: bytes = b""
    too_long: int = 0
    """Lines of more than PIECE_BYTES that begin in it: they are passed over."""
    gap: Gap | None = None


class Tail:
    """`pieces` is one look at all files; the cursor holds for the pieces that were given so far."""

    def __init__(self, patterns: Sequence[str], cursor: Mapping[str, Any] | None) -> None:
        self._patterns = patterns
        files = msgspec.convert(cursor["files"], list[Followed]) if cursor else []
        self._followed = [Open(file) for file in files]
        self.unreadable: dict[str, str] = {}
        """Paths that could not be opened at the last look, with the reason."""
        self.present = 0
        """Files that were there at the last look."""

    def cursor(self) -> dict[str, Any]:
        return {"files": [msgspec.to_builtins(o.file) for o in self._followed]}

    def close(self) -> None:
        for one in self._followed:
            one.close()

    def pieces(self, now: int) -> Iterator[Piece]:
        """What is new at this look."""
        result = matched(listed(self._patterns), self._followed)
        self.unreadable, self.present = result.unreadable, len(result.present)
        self._followed = [*(one for _, one in result.present), *result.missing]
        oldest = min(line_times(result.begun), default=0)
        for one in result.missing:
            one.missing += 1
            one.until = min(filter(None, (one.until, oldest)), default=0)
            if one.missing >= _LOOKS:
                yield from _last(one, now)
                self._followed.remove(one)
        for name, one in result.present:
            try:
                yield from _new(one, name.closed, now)
            except OSError as error:
                self.unreadable[name.path] = str(error)


def _last(one: Open, now: int) -> Iterator[Piece]:
    """The rest of a file that is gone, from its descriptor, and a gap: what followed it may be gone too.

    No gap where it was seen closed and at its end: then old age took it.
    """
    file, start = one.file, one.file.read_at
    if file.done:
        return
    kind, detail = "file_gone", "it was deleted or replaced, perhaps with others that came after it"
    if one.opened is not None:
        if one.cut:
            kind, detail = "file_cut", "it was cut off or written anew; what came after the last look is lost"
        else:
            yield from _new(one, True, now)
    one.close()
    file.done = True
    yield Piece(gap=Gap(file.path, kind, start, one.until or now, detail))


def _new(one: Open, closed: bool, now: int) -> Iterator[Piece]:
    file, opened = one.file, one.opened
    if opened is None:
        return
    if not (file.done and opened.packed):
        file.done = False
        try:
            one.learn(opened.first())
            while (data := opened.read(file.offset)) and (piece := _cut(file, data, closed)) is not None:
                if file.head_bytes < min(file.offset, HEAD_BYTES):
                    one.learn(opened.first())
                yield piece
        except UNREADABLE as error:
            file.done = closed = True
            gap = Gap(file.path, "file_unreadable", file.read_at, now, f"the rest cannot be read: {error}")
            yield Piece(gap=gap)
        file.read_at = now
    if closed:
        file.done = True
        one.close()


def _cut(file: Followed, data: bytes, closed: bool) -> Piece | None:
    """Moves the file on by the whole lines of `data`; None where a half one waits for its rest."""
    full = len(data) >= PIECE_BYTES
    whole = (data.find(b"\n") if file.skips else data.rfind(b"\n")) + 1
    if file.skips:
        file.skips = not whole
        file.offset += whole or len(data)
        return Piece()
    if whole:
        file.offset += whole
        return Piece(data[:whole])
    if full:
        file.offset, file.skips = file.offset + len(data), True
        return Piece(too_long=1)
    if closed:
        file.offset += len(data)
        return Piece(data)
    return None
