"""A collector's place, in a folder that outlives it: its cursor, and the turn that may not be handed over.

Both are files that are replaced whole.  The cursor that holds after the turn may be large: it is written
beside the one that stands, and only renamed when the turn is handed over.  A new folder begins a new stream
(`generation`), since the sequence of the old one is lost with its folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from collectors.live.contract import Cursor
from pipeline.errors import PreflightFailed
from pipeline.events import Message

_CURSOR, _NEXT, _PENDING, _LOCK = "cursor.json", "cursor.json.next", "pending.msgpack", "lock"


class Pending(NamedTuple):
    """A turn's messages, and the cursor that holds once they are handed over."""

    messages: list[Message]
    cursor: Cursor


class _Written(msgspec.Struct, frozen=True):
    """An older version wrote the cursor with the messages, and no sequence."""

    messages: list[Message]
    cursor: dict[str, Any] | None = None
    sequence: int = -1


@dataclass(slots=True)
class State:
    """`sequence` is that of the next turn."""

    folder: Path
    generation: str
    sequence: int
    cursor: Cursor | None
    _lock: int
    _held: Cursor | None = None
    """What stands in the file of the next cursor."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises PreflightFailed where the folder cannot be used, or another collector uses it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise PreflightFailed(
                f"collect.state_folder {folder} cannot be used ({error.strerror}); "
                "name one that can be written"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise PreflightFailed(
                f"another collector uses {folder}; give each its own collect.state_folder"
            ) from error
        file = folder / _CURSOR
        if not file.exists():
            state = cls(folder, uuid.uuid4().hex[:12], 0, None, lock)
            state._write_cursor()
            return state
        try:
            held = json.loads(file.read_bytes())
            return cls(folder, held["generation"], held["sequence"], held["cursor"], lock)
        except (ValueError, KeyError, OSError) as error:
            os.close(lock)
            raise PreflightFailed(
                f"{file} cannot be read ({error}); remove {folder} to begin anew: "
                "what was not collected meanwhile is lost"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def pending(self) -> Pending | None:
        """The turn that was written before the last end, and perhaps handed over."""
        try:
            found = msgspec.msgpack.decode((self.folder / _PENDING).read_bytes(), type=_Written)
        except FileNotFoundError:
            return None
        held = self._after(found.sequence) if found.cursor is None else found.cursor
        return Pending(found.messages, held)

    def _after(self, sequence: int) -> dict[str, Any]:
        """The cursor that holds after that turn.

        Where its file is gone, is of a later turn or is not whole, it was renamed before: it is the one that
        stands, and a power cut brought the turn's messages back.
        """
        with suppress(FileNotFoundError, ValueError):
            held = json.loads((self.folder / _NEXT).read_bytes())
            if held["sequence"] == sequence + 1:
                return dict(held["cursor"])
        return dict(self.cursor or {})

    def hold(self, messages: Sequence[Message], cursor: Cursor) -> None:
        """Write the turn down, before it is handed over."""
        self._write(_NEXT, self._content(self.sequence + 1, cursor))
        self._replace(_PENDING, msgspec.msgpack.encode(_Written(list(messages), sequence=self.sequence)))
        self._held = cursor

    def handed_over(self, cursor: Cursor) -> None:
        """The turn is kept elsewhere: move on."""
        self.cursor = cursor
        self.sequence += 1
        if self._held is cursor:
            (self.folder / _NEXT).replace(self.folder / _CURSOR)
            self._sync_folder()
        else:
            self._write_cursor()
        self._held = None
        (self.folder / _PENDING).unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._lock)

    def _write_cursor(self) -> None:
        self._replace(_CURSOR, self._content(self.sequence, self.cursor))

    def _content(self, sequence: int, cursor: Cursor | None) -> bytes:
        held = {"generation": self.generation, "sequence": sequence, "cursor": cursor}
        return msgspec.json.encode(held)  # five times faster than json, and a cursor may be large

    def _replace(self, name: str, content: bytes) -> None:
        self._write(f"{name}.new", content)
        (self.folder / f"{name}.new").replace(self.folder / name)
        self._sync_folder()

    def _write(self, name: str, content: bytes) -> None:
        with (self.folder / name).open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())

    def _sync_folder(self) -> None:
        """After a power cut a new name must be there: an old cursor would use a sequence twice."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
