"""Report files on disk: each is whole, and none is replaced before all are."""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

ABANDONED_SECONDS = 3_600
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def file_name(text: str) -> str:
    """The text as a part of a file name, different for different texts."""
    plain = _UNSAFE.sub("-", text).strip("-")[:60]
    return plain if plain == text else f"{plain or 'team'}-{sha256(text.encode()).hexdigest()[:8]}"


def write(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write all files by name; each is complete on disk before any takes its place.

    Raises OSError, and then no file was replaced by a part of one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting: list[tuple[Path, Path]] = []
    try:
        for name, content in contents.items():
            target = folder / name
            half = folder / f".{name}.{os.getpid()}.part"
            waiting.append((half, target))
            _durable(half, content)
            _forget(folder, name)
        for half, target in waiting:
            half.replace(target)
    finally:
        for half, _ in waiting:
            half.unlink(missing_ok=True)
    return [target for _, target in waiting]


def _forget(folder: Path, name: str) -> None:
    """What a process that was killed amid this file has left: it is older than any writing takes."""
    for half in folder.glob(f".{glob.escape(name)}.*.part"):
        if time.time() - half.stat().st_mtime > ABANDONED_SECONDS:
            half.unlink(missing_ok=True)


def _durable(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
