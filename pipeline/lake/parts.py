"""Parts of answers, kept beside the ledger under a name of all they follow from; to lose one costs time."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.lake.location import Location

FOLDER = "answers"
UNREAD_SECONDS = 14 * 86_400
"""A part that nobody has read for so long is deleted."""
_TOUCHED_SECONDS = 86_400
ALONE_BYTES = 16 << 20
"""Of parts below which one core adds them up: several have more work with it, and are hardly sooner done."""


@lru_cache(2)
def _engine(alone: bool) -> duckdb.DuckDBPyConnection:
    """Of its own: what is torn here says nothing of the ledger's.  To open one costs as much as most sums.

    It remembers no file, since one that was deleted may be there again in another form.
    """
    con = duckdb.connect(config={"enable_external_file_cache": "false"})
    if alone:
        con.execute("SET threads = 1")
    return con


@dataclass(frozen=True, slots=True)
class Parts:
    """A file a part.  A name is never given to something else, so nothing here can be out of date."""

    folder: Path
    min_free_bytes: int

    @classmethod
    def of(cls, location: Location) -> Parts:
        return cls(location.folder / FOLDER, location.min_free_bytes)

    def sums(
        self, names: Iterable[str], by: Sequence[str], unasked: Collection[str]
    ) -> tuple[set[str], pa.Table | None]:
        """Those of `names` that are kept and can be read, and the sums of their columns but those `unasked`
        by the columns `by`, as DECIMAL(38, 0); None where nothing is kept.
        """
        sizes = {name: size for name in names if (size := self._touched(name)) is not None}
        kept, alone = set(sizes), sum(sizes.values()) < ALONE_BYTES
        found = self._sums(alone, kept, by, unasked)
        if kept and found is None:
            kept = {name for name in kept if self._sums(alone, [name], by, unasked) is not None}
            found = self._sums(alone, kept, by, unasked)
        return kept, found

    def _sums(
        self, alone: bool, names: Collection[str], by: Sequence[str], unasked: Collection[str]
    ) -> pa.Table | None:
        files = [str(self._path(name)) for name in sorted(names)]
        if not files:
            return None
        try:
            with _engine(alone).cursor() as con:
                columns = con.execute("FROM read_parquet($1) LIMIT 0", [files[:1]]).description
                added = [
                    f'sum("{c}")::DECIMAL(38, 0) AS "{c}"' for c, *_ in columns if c not in (*by, *unasked)
                ]
                chosen = ", ".join([*(f'"{name}"' for name in by), *added])
                # without a GROUP BY, which a question for all of it has none of, there is a row of nothing
                sums = f"SELECT {chosen} FROM read_parquet($1) GROUP BY ALL HAVING count(*) > 0"
                return con.execute(sums, [files]).to_arrow_table()
        except duckdb.Error:
            _engine.cache_clear()  # some errors break it for good
            return None

    def _touched(self, name: str) -> int | None:
        """Its bytes, None where it is not there; a part that is read is not deleted."""
        path = self._path(name)
        try:
            found = path.stat()
            if time.time() - found.st_mtime > _TOUCHED_SECONDS:
                os.utime(path)
        except OSError:
            return None
        return found.st_size

    def write(self, name: str, rows: pa.Table) -> None:
        """Whole or not at all: not where the folder cannot be written, its disk is nearly full, or a number
        has more than 64 bits, which would make all of them three times as slow to read.
        """
        with suppress(OSError, pa.ArrowInvalid), self._new(self._path(name), rows.nbytes) as new:
            _write(_in_64_bits(rows), new)

    def note(self, name: str) -> Any:
        """What was noted last under that name; None where nothing can be read."""
        try:
            return json.loads(self._path(name, "json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write_note(self, name: str, content: object) -> None:
        """Takes the place of what was noted before; whole or not at all, as a part."""
        text = json.dumps(content)
        with suppress(OSError), self._new(self._path(name, "json"), len(text)) as new:
            new.write_text(text, encoding="utf-8")

    @contextmanager
    def _new(self, path: Path, size: int) -> Iterator[Path]:
        """A file that becomes `path` once it is written."""
        new = path.with_suffix(f".{secrets.token_hex(4)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < self.min_free_bytes + size:
            raise OSError(errno.ENOSPC, "store.min_free_bytes would not be left")
        try:
            yield new
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)

    def forget(self, now: float) -> int:
        """Files deleted that were not read for long, at `now`, seconds since 1970."""
        old = [p for p in self.folder.glob("*/*") if now - p.stat().st_mtime > UNREAD_SECONDS]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _path(self, name: str, form: str = "parquet") -> Path:
        return self.folder / name[:2] / f"{name}.{form}"


def _in_64_bits(rows: pa.Table) -> pa.Table:
    narrow = [
        field.with_type(pa.int64()) if pa.types.is_decimal(field.type) else field for field in rows.schema
    ]
    return rows.cast(pa.schema(narrow))


def _write(rows: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq  # a seventh of a second, and most questions write nothing

    pq.write_table(rows, path, compression="zstd")
