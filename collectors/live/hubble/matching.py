"""The files that are there now, and which of those that were followed each of them is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from collectors.live.hubble.followed import HEAD_BYTES, UNREADABLE, Followed, Opened
from collectors.live.hubble.names import Name


@dataclass(slots=True, eq=False)
class Open:
    """A followed file with its descriptor, which is kept until the file is read to its end."""

    file: Followed
    opened: Opened | None = None
    missing: int = 0
    """Looks in a row at which no file was this one."""
    until: int = 0
    """Of a missing one: microseconds since 1970 of the oldest line that came instead; 0 where none did."""
    whole: bool = False
    """There is a whole line in its beginning, or all of the beginning."""
    cut: bool = False
    """It was cut off or written anew in its place: what it was may only be found in a copy."""

    @property
    def telling(self) -> bool:
        """Whether its beginning tells it from others: half a line may be the beginning of many."""
        return self.whole or self.file.offset > 0

    def learn(self, first: bytes) -> None:
        """A young file has become longer."""
        self.file.learn(first)
        self.whole = b"\n" in first or len(first) >= HEAD_BYTES

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()
            self.opened = None

    def take(self, name: Name, opened: Opened) -> None:
        """It is known again: from now on this is the file."""
        if self.opened is not opened:
            self.close()
            self.opened = opened
        self.file.path, self.file.inode, self.missing = name.path, opened.inode, 0


@dataclass(slots=True)
class Matched:
    present: list[tuple[Name, Open]] = field(default_factory=list)
    """In the order in which they were written; new ones are among them."""
    begun: list[bytes] = field(default_factory=list)
    """How the new ones begin."""
    missing: list[Open] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Paths that could not be opened, with the reason."""


def matched(names: Sequence[Name], followed: Sequence[Open]) -> Matched:
    """A file is known by its inode while that is held; else by how it begins, under the same inode first.

    One without a whole line when the collector ended is not known again: inodes are handed out again.
    What begins like a file that is there already is a copy of it, and is not read.
    """
    result = Matched()
    for one in followed:
        _grow(one)
    held = [o for o in followed if o.opened is not None and not o.opened.packed and not o.cut]
    left: list[tuple[Name, Opened, bytes]] = []
    found: dict[str, Open] = {}
    for name in names:
        inode = _inode(name.path)
        known = next((o for o in held if o.opened is not None and o.opened.inode == inode), None)
        if known is not None and known.opened is not None:
            known.take(name, known.opened)
            found[name.path] = known
            continue
        try:
            opened = Opened(name.path)
            left.append((name, opened, opened.first()))
        except (OSError, *UNREADABLE) as error:
            result.unreadable[name.path] = str(error)
    for by_inode in (True, False):
        left = _known_again(left, followed, found, by_inode)
    for name, opened, first in left:
        if any(o.telling and o.file.begins(first) for o in found.values()):
            opened.close()
            continue
        new = Open(Followed(name.path, opened.inode), opened)
        found[name.path] = new
        result.begun.append(first)
    result.present = [(name, found[name.path]) for name in names if name.path in found]
    result.missing = _without(followed, found.values())
    return result


def _known_again(
    left: Sequence[tuple[Name, Opened, bytes]],
    followed: Sequence[Open],
    found: dict[str, Open],
    by_inode: bool,
) -> list[tuple[Name, Opened, bytes]]:
    still = []
    for name, opened, first in left:
        for candidate in _without(followed, found.values()):
            file = candidate.file
            same = candidate.telling and file.begins(first) and not opened.shorter(file.offset)
            if same and (file.inode == opened.inode) == by_inode and not (by_inode and candidate.cut):
                candidate.take(name, opened)
                found[name.path] = candidate
                break
        else:
            still.append((name, opened, first))
    return still


def _grow(one: Open) -> None:
    """What came since the last look tells a young file apart, also where it was packed meanwhile."""
    if one.opened is None or one.cut:
        return
    first = one.opened.first()
    one.cut = one.opened.shorter(one.file.offset) or not one.file.begins(first)
    if not one.cut:
        one.learn(first)


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return -1


def _without(followed: Sequence[Open], found: Iterable[Open]) -> list[Open]:
    taken = {id(o) for o in found}
    return [o for o in followed if id(o) not in taken]
