"""A collector's place, in a folder that outlives it: its cursor, and the turn that may not be handed over.

Both are files that are replaced whole.  A new folder begins a new stream (`generation`), since the sequence
of the old one is lost with its folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from collectors.live.contract import Cursor
from pipeline.errors import PreflightFailed
from pipeline.events import Message

_CURSOR, _PENDING, _LOCK = "cursor.json", "pending.msgpack", "lock"


class Pending(msgspec.Struct, frozen=True):
    """A turn's messages, and the cursor that holds once they are handed over."""

    messages: list[Message]
    cursor: dict[str, Any]


@dataclass(slots=True)
class State:
    """`sequence` is that of the next turn."""

    folder: Path
    generation: str
    sequence: int
    cursor: Cursor | None
    _lock: int

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
            return msgspec.msgpack.decode((self.folder / _PENDING).read_bytes(), type=Pending)
        except FileNotFoundError:
            return None

    def hold(self, messages: Sequence[Message], cursor: Cursor) -> None:
        """Write the turn down, before it is handed over."""
        self._replace(_PENDING, msgspec.msgpack.encode(Pending(list(messages), dict(cursor))))

    def handed_over(self, cursor: Cursor) -> None:
        """The turn is kept elsewhere: move on."""
        self.cursor = cursor
        self.sequence += 1
        self._write_cursor()
        (self.folder / _PENDING).unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._lock)

    def _write_cursor(self) -> None:
        held = {"generation": self.generation, "sequence": self.sequence, "cursor": self.cursor}
        self._replace(_CURSOR, json.dumps(held).encode())

    def _replace(self, name: str, content: bytes) -> None:
        fresh = self.folder / f"{name}.new"
        with fresh.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.folder / name)
        # After a power cut the new name must be there: an old cursor would use a sequence twice.
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
