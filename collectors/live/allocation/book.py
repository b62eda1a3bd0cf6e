"""Open intervals by whom they are about, and what becomes of them when what is held changes: a pure fold.

Half-open: what is held from `start` on and no longer at `end`.  A share or an owner that changes ends an
interval and begins another at the same instant, so shares of a device always sum up over time.  A device
that turns out to have another name was always that one: the interval under its old name becomes empty.
"""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa

Row = dict[str, Any]
Identity = tuple[str, ...]
Quality = Literal["exact", "observed", "gap"]
_BUCKETS = 256
_LZ4, _LENGTH = b"L", struct.Struct("<I")


class Moment(NamedTuple):
    """Microseconds since 1970 UTC, and how well it is known."""

    time: int
    quality: Quality
    until: int = 0
    """Of a gap: when it was over."""


@dataclass(slots=True)
class Book:
    """`place` names a row among its subject's; `renames` and `splits` are the columns that tell as above.

    What is first told of a split column later was so from the start; of `sudden` ones from then on.
    """

    place: tuple[str, ...]
    renames: tuple[str, ...]
    splits: tuple[str, ...]
    sudden: tuple[str, ...] = ()
    open: dict[str, dict[Identity, Row]] = field(default_factory=dict)
    _kept: dict[str, bytes] = field(default_factory=dict)
    _within: dict[int, dict[str, msgspec.Raw]] = field(default_factory=lambda: defaultdict(dict))
    """Open subjects by the part of `kept` that they are in, with their rows in MessagePack."""
    _touched: set[str] = field(default_factory=set)

    def settle(
        self, subject: str, wanted: Iterable[Row], now: Moment, left: Mapping[Identity, Moment] | None = None
    ) -> Iterator[Row]:
        """Rows that say what changed: what is wanted is open from its `start` on, or from `now` without one.

        `left` knows better than `now` when some of those that are not wanted any more ended.
        """
        held = self.open.get(subject, {})
        fresh = {self.identity(row): row for row in wanted}
        rows = [
            one
            for identity in held.keys() - fresh.keys()
            for one in _closed(held[identity], (left or {}).get(identity, now))
        ]
        kept = {}
        for identity, row in fresh.items():
            kept[identity], told = self._next(held.get(identity), row, now)
            rows += told
        if rows:
            self._touched.add(subject)
        if kept:
            self.open[subject] = kept
        else:
            self.open.pop(subject, None)
        yield from sorted(rows, key=_order)

    def identity(self, row: Row) -> Identity:
        return tuple(row.get(name) or "" for name in self.place)

    def _next(self, held: Row | None, row: Row, now: Moment) -> tuple[Row, list[Row]]:
        if held is None:
            opened = row if row.get("start") is not None else row | _started(now)
            return opened, [opened]
        since = {"start": held["start"], "start_quality": held.get("start_quality")}
        if any(held.get(name) != row.get(name) for name in self.renames):
            renamed = row | since
            return renamed, [*_closed(held, Moment(held["start"], "exact")), renamed]
        split = any(held.get(name) is not None and held[name] != row.get(name) for name in self.splits)
        split = split or any(held.get(name) != row.get(name) for name in self.sudden)
        # The key of an interval is its start: a second one in the same instant would replace the first.
        if split and now.time > held["start"]:
            opened = row | _started(now)
            return opened, [*_closed(held, now), opened]
        same = row | since
        return same, [same] if same != held else []

    def __len__(self) -> int:
        return sum(map(len, self.open.values()))

    def rows(self) -> Iterator[Row]:
        for held in self.open.values():
            yield from held.values()

    def kept(self) -> dict[str, bytes]:
        """All that is open, packed, in parts of which only those that changed are packed anew."""
        changed = defaultdict[int, list[str]](list)
        for subject in self._touched:
            changed[_bucket(subject)].append(subject)
        self._touched.clear()
        for number, subjects in changed.items():
            part = self._within[number]
            for subject in subjects:
                if held := self.open.get(subject):
                    part[subject] = msgspec.Raw(msgspec.msgpack.encode(list(held.values())))
                else:
                    part.pop(subject, None)
            self._kept[str(number)] = _packed(part) if part else b""
        return {number: part for number, part in self._kept.items() if part}

    def restore(self, kept: Mapping[str, bytes]) -> None:
        """Whatever parts it was packed in: an older version had fewer."""
        for part in kept.values():
            for subject, rows in _unpacked(part).items():
                self.open[subject] = {self.identity(row): row for row in rows}
                self._touched.add(subject)


def _packed(part: dict[str, msgspec.Raw]) -> bytes:
    """lz4 takes a tenth of the time of zlib, and must be told how long it was."""
    whole = msgspec.msgpack.encode({subject: part[subject] for subject in sorted(part)})
    packed: bytes = pa.compress(whole, codec="lz4", asbytes=True)
    return _LZ4 + _LENGTH.pack(len(whole)) + packed


def _unpacked(part: bytes) -> dict[str, list[Row]]:
    """An older version packed with zlib, whose first byte is another."""
    whole: bytes
    if part.startswith(_LZ4):
        (length,) = _LENGTH.unpack_from(part, len(_LZ4))
        at = len(_LZ4) + _LENGTH.size
        whole = pa.decompress(part[at:], decompressed_size=length, codec="lz4", asbytes=True)
    else:
        whole = zlib.decompress(part)
    found: dict[str, list[Row]] = msgspec.msgpack.decode(whole)
    return found


def _bucket(subject: str) -> int:
    return zlib.crc32(subject.encode()) % _BUCKETS


def _started(now: Moment) -> Row:
    return {"start": now.time, "start_quality": now.quality}


def _closed(row: Row, end: Moment) -> list[Row]:
    return [row | {"end": max(end.time, row["start"]), "end_quality": end.quality}]


def _order(row: Row) -> tuple[bool, str, int]:
    """Ends first, so that a reader in between sees too little rather than too much."""
    return ("end" not in row, str(row.get("device")), row["start"])
