"""One file that is followed: how far it was read, and how it is known again under another name."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from hashlib import blake2b

import msgspec

HEAD_BYTES = 1024
"""Lines begin with a time in nanoseconds, so so many first bytes are of one file only."""
PIECE_BYTES = 8 * 2**20
"""Read at once, and the longest line that is taken."""
UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile)


class Followed(msgspec.Struct, eq=False):
    """What the cursor keeps of a file.  Offsets of a packed file are of its content."""

    path: str
    inode: int
    head: str = ""
    """Digest of its first `head_bytes`."""
    head_bytes: int = 0
    offset: int = 0
    """Everything before is taken; a line that is not whole yet lies behind it."""
    read_at: int = 0
    """When it was last seen with nothing unread, microseconds since 1970 UTC."""
    done: bool = False
    """Closed and read to its end."""
    skips: bool = False
    """Inside a line that is too long."""

    def begins(self, first: bytes) -> bool:
        """Whether a file that begins with `first` may be this one; one that was empty is like any other."""
        return len(first) >= self.head_bytes and self.head in ("", _digest(first[: self.head_bytes]))

    def learn(self, first: bytes) -> None:
        """A young file has become longer."""
        if len(first) > self.head_bytes:
            self.head, self.head_bytes = _digest(first), len(first)


def _digest(first: bytes) -> str:
    return blake2b(first, digest_size=12).hexdigest()


class Opened:
    """A file that stays readable when it is renamed or deleted; meanwhile nothing else gets its inode."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self.packed = path.endswith(".gz")
        self._raw = open(path, "rb")  # noqa: SIM115
        self._unpacked = gzip.GzipFile(fileobj=self._raw)
        self.inode = os.fstat(self._raw.fileno()).st_ino
        self._position, self._ahead = 0, b""

    def close(self) -> None:
        self._raw.close()

    def shorter(self, than: int) -> bool:
        return not self.packed and os.fstat(self._raw.fileno()).st_size < than

    def first(self) -> bytes:
        """Its first bytes.  Raises OSError, or one of UNREADABLE."""
        return self.read(0, HEAD_BYTES)

    def read(self, offset: int, most: int = PIECE_BYTES) -> bytes:
        """Up to `most` bytes from there, fewer only at the end.  Raises OSError, or one of UNREADABLE.

        To go back in a packed file is to unpack it anew, so what the last piece left over is kept.
        """
        if not self.packed:
            return os.pread(self._raw.fileno(), most, offset)
        over = offset - self._position
        if 0 <= over <= len(self._ahead):
            self._ahead = self._ahead[over:]
        else:
            self._unpacked.seek(offset)
            self._ahead = b""
        self._position = offset
        self._ahead += b"".join(self._more(most - len(self._ahead)))
        return self._ahead[:most]

    def _more(self, most: int) -> Iterator[bytes]:
        """What can be unpacked; what is broken after it raises only when nothing lies before it any more."""
        before = len(self._ahead)
        try:
            while most > 0 and (more := self._unpacked.read1(most)):
                before, most = before + len(more), most - len(more)
                yield more
        except UNREADABLE:
            if not before:
                raise
