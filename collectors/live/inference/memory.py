"""What the receiver must not forget: ids taken, halves that wait, counts so far, in a file beside the cursor.

The file only grows; the cursor says how far of it holds, so that both move in one step.  What stands after
that is of a turn that was not kept, and is cut off at the next start: its sender was not answered and sends
it again.  A file that has grown is written anew under the next number.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from collectors.histogram import Histogram
from collectors.histogram_growth import Told
from collectors.live.contract import Cursor
from collectors.live.inference.judged import Requests
from collectors.live.inference.kserve import Half
from collectors.live.inference.pairs import Pairs, Waiting
from pipeline.errors import PreflightFailed

_SMALL_BYTES = 4_194_304
"""A shorter file is never written anew."""
_GROWTH = 4
"""A file is written anew when it is so many times as long as after the last time."""
_MOST_SERIES = 20_000
"""Histograms that only grow, of which the last telling is known; the one that was silent longest goes."""


class _Record(msgspec.Struct, omit_defaults=True):
    """Ids taken, halves that wait since, exchanges that wait no more, histograms as last told.

    `began`, in microseconds: what counts since later than this was told here or never; 0 is unknown.
    """

    ids: list[int] = []
    waits: list[Waiting] = []
    gone: list[Half] = []
    told: dict[int, Told] = {}
    began: int = 0


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(_Record).decode


class Memory:
    """`pairs` is changed by its owner, who says so with `waits` and `gone`; `requests` are not kept.

    `now` is when a new memory begins, 0 where that is not known.
    """

    def __init__(
        self, folder: Path, cursor: Cursor | None, pairs: Pairs, most_ids: int, now: int = 0
    ) -> None:
        self._folder, self._most, self.pairs = folder, most_ids, pairs
        self.requests = Requests()
        self._ids: OrderedDict[int, None] = OrderedDict()
        self._told: OrderedDict[int, Told] = OrderedDict()
        self._fresh_ids: list[int] = []
        self._fresh_told: dict[int, Told] = {}
        self._fresh_waits: dict[tuple[str, str], Waiting] = {}
        self._fresh_gone: list[Half] = []
        self._number, self._length = (int(cursor["file"]), int(cursor["bytes"])) if cursor else (0, 0)
        self._base = 0
        self._began = self._fresh_began = 0 if cursor else now
        try:
            self._open()
        except OSError as error:
            raise PreflightFailed(f"{folder} cannot be used ({error.strerror})") from error

    def _path(self, number: int) -> Path:
        return self._folder / f"memory-{number}.jsonl"

    def _open(self) -> None:
        path = self._path(self._number)
        content = path.read_bytes()[: self._length] if path.exists() else b""
        if len(content) < self._length:
            raise PreflightFailed(f"{path} is cut off; remove {self._folder} to begin anew")
        for line in content.splitlines():
            self._apply(_DECODE(line))
        for other in self._folder.glob("memory-*.jsonl"):
            if other != path:
                other.unlink()
        self._file = path.open("ab")
        self._file.truncate(self._length)
        self._keep_name()

    def _apply(self, record: _Record) -> None:
        self._began = record.began or self._began
        self._remember(record.ids)
        self._count(record.told)
        for half in record.gone:
            self.pairs.drop(half)
        for waiting in record.waits:
            self.pairs.hold(waiting)

    def _remember(self, ids: Iterable[int]) -> None:
        self._ids.update(dict.fromkeys(ids))
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)

    def is_new(self, *identity: str | bytes) -> bool:
        """Whether this is the first time; it is remembered from now on."""
        key = _key(*identity)
        if key in self._ids:
            return False
        self._remember([key])
        self._fresh_ids.append(key)
        return True

    def told(self, series: str, now: Told) -> tuple[Told | None, Told]:
        """What was told of it before, and now: the newest is remembered from now on.

        What began to count after the memory did has not been told before: it had counted nothing.
        """
        key = _key(series)
        before = self._told.get(key)
        if before is None and 0 < self._began < now.start < now.time:
            before = Told(now.start, Histogram(now.histogram.scale), now.start)
        if before is None or now.time > before.time:
            self._count({key: now})
            self._fresh_told[key] = now
        return before, now

    def _count(self, told: Mapping[int, Told]) -> None:
        for key, each in told.items():
            self._told[key] = each
            self._told.move_to_end(key)
        while len(self._told) > _MOST_SERIES:
            _, gone = self._told.popitem(last=False)
            # It began before this, and cannot be taken for a new one if it comes again.
            self._began = self._began and max(self._began, gone.time)

    def waits(self, half: Half, now: int) -> None:
        self._fresh_waits[half.source, half.id] = Waiting(half, now)

    def gone(self, half: Half) -> None:
        """It waits no more; only its name is kept."""
        if self._fresh_waits.pop((half.source, half.id), None) is None:
            self._fresh_gone.append(Half(half.source, half.id, half.is_request, 0, {}, []))

    def save(self) -> dict[str, Any]:
        """Write down what is new; the cursor with which it is found again."""
        try:
            self._save()
        except OSError as error:
            raise PreflightFailed(f"{self._folder} cannot be written ({error.strerror})") from error
        return {"file": self._number, "bytes": self._length}

    def _save(self) -> None:
        if not (
            self._fresh_ids or self._fresh_waits or self._fresh_gone or self._fresh_told or self._fresh_began
        ):
            return
        if self._length > max(_SMALL_BYTES, _GROWTH * self._base):
            self._rewrite()
        else:
            waits = list(self._fresh_waits.values())
            fresh = (self._fresh_ids, waits, self._fresh_gone, self._fresh_told, self._fresh_began)
            self._append([_Record(*fresh)])
        self._fresh_began = 0
        self._fresh_ids, self._fresh_waits, self._fresh_gone, self._fresh_told = [], {}, [], {}

    def _append(self, records: Iterable[_Record]) -> None:
        for record in records:
            self._length += self._file.write(_ENCODE(record) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _rewrite(self) -> None:
        """The old file stays until a cursor that names the new one is safe: until the next time, or start."""
        self._path(self._number - 1).unlink(missing_ok=True)
        self._file.close()
        self._number, self._length = self._number + 1, 0
        self._file = self._path(self._number).open("wb")
        self._append(self._whole())
        self._keep_name()
        self._base = self._length

    def _keep_name(self) -> None:
        """A power cut may take the name of a new file, which a cursor is about to rely on."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _whole(self) -> Iterator[_Record]:
        yield _Record(ids=list(self._ids), began=self._began)
        for key, told in self._told.items():
            yield _Record(told={key: told})
        for waiting in self.pairs.waiting():
            yield _Record(waits=[waiting])

    def close(self) -> None:
        self._file.close()


def _key(*identity: str | bytes) -> int:
    digest = blake2b(digest_size=8)
    for part in identity:
        content = part if isinstance(part, bytes) else part.encode(errors="replace")
        digest.update(len(content).to_bytes(8, "big") + content)
    return int.from_bytes(digest.digest(), "big")
