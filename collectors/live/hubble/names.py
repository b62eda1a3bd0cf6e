"""Which files to follow, in the order in which they were written.

Hubble's exporter renames a full file `events.log` to `events-2026-11-25T16-00-00.000.log`, may compress that
to `... .log.gz`, and begins a new one under the old name.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_BACKUP = re.compile(r"(.+)-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})((?:\.[^.]+)?)")


class Name(NamedTuple):
    """Sorts by the file that it was, then by its age, the one that grows last."""

    family: str
    stamp: str
    path: str

    @property
    def packed(self) -> bool:
        return self.path.endswith(".gz")

    @property
    def closed(self) -> bool:
        """Nobody writes it any more: the exporter closes a file before it renames it."""
        return self.stamp != _GROWS or self.packed


_GROWS = "~"


def name(path: str) -> Name:
    folder, _, file = path.rpartition("/")
    backup = _BACKUP.fullmatch(file.removesuffix(".gz"))
    if backup is None:
        return Name(path.removesuffix(".gz"), _GROWS, path)
    return Name(f"{folder}/{backup[1]}{backup[3]}", backup[2], path)


def listed(patterns: Sequence[str]) -> list[Name]:
    """The files there are now; a packed one only once its original is gone, for before it may be half."""
    paths = {path for pattern in patterns for path in _paths(pattern)}
    whole = [path for path in paths if not (path.endswith(".gz") and path.removesuffix(".gz") in paths)]
    return sorted(name(path) for path in whole)


def _paths(pattern: str) -> list[str]:
    path = Path(pattern).absolute()
    if path.is_dir():
        found = glob.glob(f"{glob.escape(str(path))}/*")
    elif glob.has_magic(pattern):
        found = glob.glob(str(path), recursive=True)
    else:
        beside = glob.escape(f"{path.parent}/{path.stem}-") + "*" + glob.escape(path.suffix)
        backups = [*glob.glob(beside), *glob.glob(f"{beside}.gz")]
        found = [str(path), *(b for b in backups if name(b).family == str(path))]
    return [f for f in found if Path(f).is_file()]
