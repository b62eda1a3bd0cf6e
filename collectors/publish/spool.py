"""What waits for a broker, in order, in a folder of append-only files; it outlives the process.

Appended at the end, given out from the beginning, kept until it is released.  A file goes when all of it is
released, so after a crash at most one file is given out again, which the ledger drops as known.
Not safe for several threads; one process at a time holds the folder.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from collectors.publish.framing import MAGIC, Entry, Torn
from collectors.publish.segment import Segment
from pipeline.errors import PreflightFailed
from pipeline.events import Message

_SUFFIX = ".spool"
_MIDDLE = 10**15
"""Number of the first file: there is room for files before it."""

_START = len(MAGIC)
_AROUND = 1_024
"""More than the headers and the frame of a message."""


class SpoolFull(Exception):
    """The folder holds all that it may, or the disk has no room."""


class Loss(NamedTuple):
    """So many bytes of a file were not what had been written; what was in them came after `since`."""

    bytes: int
    since: float
    """Seconds since 1970: when the message before them was spooled.  Where none is known, when the file was
    last written: too late, by up to as long as it was written to."""


class _Given(NamedTuple):
    ticket: int
    segment: Segment
    at: int
    before: float
    """When the message given out before it was spooled."""


class Spool:
    """`torn_bytes` were not whole when the folder was opened, or later; they are lost.

    A disk that only does not answer loses nothing: the file stays as it is, to be read again.
    """

    def __init__(self, folder: Path, limit_bytes: int, lock: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._segment_bytes = min(limit_bytes // 16, 2**24)
        self._lock = lock
        self._segments: deque[Segment] = deque()
        self._last = _MIDDLE
        self._given: deque[_Given] = deque()
        self._cursor = (0, _START)
        """Number of a file and a place in it: what is before has been given out."""
        self._tickets = 0
        self.torn_bytes = 0
        self._given_at = 0.0
        """When the message before the cursor was spooled; 0 where none was given out yet."""
        self.losses: list[Loss] = []
        """What `torn_bytes` counts, for the caller to tell of and to clear."""

    @classmethod
    def open(cls, folder: Path, limit_bytes: int) -> Spool:
        """What the folder holds; raises PreflightFailed where it cannot be used, or is used by another."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            spool = cls(folder, limit_bytes, _locked(folder))
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                spool._recover(path)
        except OSError as error:
            raise PreflightFailed(f"the spool {folder} cannot be used: {error.strerror}") from error
        return spool

    def _recover(self, path: Path) -> None:
        written = path.stat().st_mtime
        segment, torn, last = Segment.recover(path)
        self._last = segment.number
        self._lost(torn, written if last is None else last)
        if segment.entries:
            self._segments.append(segment)
        else:
            segment.remove()

    def _lost(self, torn: int, since: float) -> None:
        if torn:
            self.torn_bytes += torn
            self.losses.append(Loss(torn, since))

    @property
    def bytes(self) -> int:
        """On the disk."""
        return sum(segment.size for segment in self._segments)

    @property
    def messages(self) -> int:
        """Not yet released."""
        return sum(segment.entries for segment in self._segments)

    @property
    def oldest(self) -> float | None:
        """When the first of them was spooled, seconds since 1970; None where there is none."""
        place = self._given[0][1:] if self._given else self._place()
        try:
            return place[0].read(place[1]).entry.at if place else None
        except (Torn, OSError):
            return None

    def append(self, message: Message, at: float) -> None:
        """At the end; raises SpoolFull, and then nothing has changed."""
        size = len(message.value) + _AROUND
        if self.messages and self.bytes + size > self._limit:
            raise SpoolFull("publish.spool_bytes is reached")
        try:
            if not self._segments or self._segments[-1].size + size > self._segment_bytes:
                self._begin()
            self._segments[-1].append(Entry(at, message))
        except OSError as error:
            raise SpoolFull(str(error.strerror)) from error

    def _begin(self) -> None:
        """A new last file; the one before it is on the disk first, so only the last can have a torn end."""
        if self._segments:
            self._segments[-1].sync()
        self._segments.append(Segment.create(self._path(self._last + 1)))
        self._last += 1

    def prepend(self, messages: Sequence[Message], at: float) -> None:
        """Before all others, whatever the limit says; raises SpoolFull where the disk has no room."""
        number = self._segments[0].number - 1 if self._segments else self._last + 1
        try:
            segment = Segment.create(self._path(number))
        except OSError as error:
            raise SpoolFull(str(error.strerror)) from error
        try:
            for message in messages:
                segment.append(Entry(at, message))
            segment.sync()
        except OSError as error:
            segment.remove()
            raise SpoolFull(str(error.strerror)) from error
        self._segments.appendleft(segment)
        self._last = max(self._last, number)
        self._given.clear()
        self._cursor = (number, _START)

    def next(self) -> tuple[int, Message] | None:
        """The next message that has not been given out, with a ticket that grows; None at the end.

        Raises OSError where the disk does not answer, and then nothing has changed.
        """
        while (place := self._place()) is not None:
            segment, at = place
            try:
                frame = segment.read(at)
            except Torn:
                self._lose(segment, at)
                continue
            self._tickets += 1
            self._given.append(_Given(self._tickets, segment, at, self._given_at))
            self._given_at = frame.entry.at
            self._cursor = (segment.number, frame.end)
            return self._tickets, frame.entry.message
        return None

    def _place(self) -> tuple[Segment, int] | None:
        """Where the cursor stands, or the next place with something to read."""
        number, at = self._cursor
        for segment in self._segments:
            start = at if segment.number == number else _START
            if segment.number >= number and start < segment.size:
                return segment, start
        return None

    def _lose(self, segment: Segment, at: int) -> None:
        """The disk changed what had been whole: the rest of this file is lost, and counted."""
        torn, written = segment.size - at, segment.path.stat().st_mtime
        segment.cut(at, sum(given.segment is segment for given in self._given))
        self._lost(torn, self._given_at or written)
        if not segment.entries:
            self._segments.remove(segment)
            segment.remove()

    def release(self, below: int | None) -> None:
        """Forget all messages with a lower ticket, or, with None, all that were given out."""
        while self._given and (below is None or self._given[0].ticket < below):
            segment = self._given.popleft().segment
            segment.entries -= 1
            if not segment.entries:
                self._segments.remove(segment)
                segment.remove()

    def rewind(self) -> None:
        """Give out again what was given out and not released."""
        if self._given:
            self._cursor = (self._given[0].segment.number, self._given[0].at)
            self._given_at = self._given[0].before
            self._given.clear()

    def sync(self) -> None:
        """Make all that was appended survive the end of the machine."""
        for segment in self._segments:
            segment.sync()

    def close(self) -> None:
        for segment in self._segments:
            segment.sync()
            segment.close()
        os.close(self._lock)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:016d}{_SUFFIX}"


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder until it is closed."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        reason = "another process uses it; give each process its own publish.spool_folder"
        raise PreflightFailed(f"the spool {folder} cannot be used: {reason}") from error
    return lock


def held_bytes(folder: Path) -> int:
    """Bytes that wait in a spool and in those under it, whoever writes them; 0 where there is none."""
    total = 0
    for path in folder.rglob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):  # delivered meanwhile
            total += path.stat().st_size
    return total
