"""One append-only file of the spool."""

from __future__ import annotations

import os
from pathlib import Path

from collectors.publish.framing import HEAD_BYTES, MAGIC, Entry, Frame, Torn, frames, length, pack, unpack


class Segment:
    """Frames that were written whole end at `size`; `entries` of them are not yet released.

    Every append is handed to the kernel at once, so it survives the end of this process; `sync` makes it
    survive the end of the machine.
    """

    def __init__(self, path: Path, descriptor: int, size: int, entries: int) -> None:
        self.path = path
        self.number = int(path.stem)
        self.size = size
        self.entries = entries
        self._descriptor = descriptor
        self._dirty = True

    @classmethod
    def create(cls, path: Path) -> Segment:
        """A new file; raises OSError where the disk is full."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        segment = cls(path, descriptor, 0, 0)
        try:
            segment._write(MAGIC)
            _sync_folder(path.parent)
        except OSError:
            segment.remove()
            raise
        return segment

    @classmethod
    def recover(cls, path: Path) -> tuple[Segment, int, float | None]:
        """The whole frames of a file that is there, how many bytes after them had to be cut off, and when the
        last of them was spooled (seconds since 1970; None without one)."""
        data = path.read_bytes()
        whole = list(frames(data))
        known = data.startswith(MAGIC)
        size = whole[-1].end if whole else len(MAGIC) * known
        segment = cls(path, os.open(path, os.O_RDWR), size, len(whole))
        os.ftruncate(segment._descriptor, size)
        if not known:
            segment._write(MAGIC)
        return segment, len(data) - size, whole[-1].entry.at if whole else None

    def append(self, entry: Entry) -> None:
        """Write the whole entry, or nothing and raise OSError."""
        self._write(pack(entry))
        self.entries += 1

    def _write(self, data: bytes) -> None:
        rest, at = memoryview(data), self.size
        try:
            while rest:
                written = os.pwrite(self._descriptor, rest, at)
                rest, at = rest[written:], at + written
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)
        self._dirty = True

    def read(self, at: int) -> Frame:
        """The frame that begins at `at`, which is below `size`; raises Torn where the disk changed it, and
        OSError where it does not answer."""
        head = os.pread(self._descriptor, HEAD_BYTES, at)
        start = at + HEAD_BYTES
        size = length(head)
        if size > self.size - start:
            raise Torn("the length goes beyond the end")
        content = os.pread(self._descriptor, size, start)
        return Frame(unpack(head, content), start + len(content))

    def cut(self, at: int, entries: int) -> None:
        """Keep what is before `at`, of which `entries` are not yet released."""
        os.ftruncate(self._descriptor, at)
        self.size, self.entries = at, entries

    def sync(self) -> None:
        if self._dirty:
            os.fsync(self._descriptor)
            self._dirty = False

    def close(self) -> None:
        os.close(self._descriptor)

    def remove(self) -> None:
        self.close()
        self.path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
