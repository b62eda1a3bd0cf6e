"""A disk that is full for every file beyond a size: it needs no right to mount one."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

FRAME = 4_120
"""Bytes that a write adds to a SQLite catalog's log: a page and its head."""
SHARED = 32_768
"""Bytes of the file that readers of that log share: what ends below has no catalog at all."""


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: whoever writes there gets an error (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def die_at(size: int) -> None:
    """The process dies at its first write beyond so many bytes, as by SIGKILL: nothing is undone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
