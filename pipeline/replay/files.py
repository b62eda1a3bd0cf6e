"""Files, patterns, archives and standard input as the content that a parser reads."""

from __future__ import annotations

import glob
import gzip
import io
import os
import sys
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from collectors.catalogue import File
from collectors.parsed import Parsed, left_out, nothing_read
from pipeline.errors import NotFound

MAX_FILE_BYTES = 2**31
"""Largest content that is read, also after decompression: a small archive must not fill the memory."""

_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a file begins that Windows PowerShell wrote with `>`."""
_TAR_MAGIC = slice(257, 262)


class Passed(NamedTuple):
    """A file that no parser sees, and why."""

    file: File
    parsed: Parsed


def expand(patterns: Sequence[str]) -> list[str]:
    """Paths in the order given; a pattern's matches sorted.  Raises NotFound for what matches no file."""
    paths: list[str] = []
    for pattern in patterns:
        if pattern == "-" or os.path.isfile(pattern):
            paths.append(pattern)
            continue
        if os.path.isdir(pattern):
            raise NotFound(f"{pattern} is a folder; name its files, for example '{pattern.rstrip('/')}/*'")
        found = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
        if not found:
            raise NotFound(f"no such file: {pattern}")
        paths.extend(found)
    return paths


def read(paths: Sequence[str], time: datetime | None, now: datetime) -> Iterator[File | Passed]:
    """Contents one after the other, archives member by member; `time` replaces the files' own.

    Times are UTC, naive.  Raises NotFound where a file cannot be opened.
    """
    for path in paths:
        data = _content(path)
        own = now if path == "-" else _modified(path)
        yield from _unpacked(File("standard input" if path == "-" else path, data, time or own))


def _content(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from error


def _modified(path: str) -> datetime:
    return datetime.fromtimestamp(os.stat(path).st_mtime, UTC).replace(tzinfo=None)


def _unpacked(file: File) -> Iterator[File | Passed]:
    if file.data.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(file.data)) as stream:
                file = file._replace(data=stream.read(MAX_FILE_BYTES + 1))
        except (OSError, EOFError, zlib.error) as error:
            yield Passed(file, nothing_read("malformed", f"not a whole gzip file: {error}"))
            return
    if len(file.data) > MAX_FILE_BYTES:
        yield Passed(file, nothing_read("too_large", f"more than {MAX_FILE_BYTES} bytes"))
    elif file.data[_TAR_MAGIC] == b"ustar":
        yield from _members(file)
    elif file.data.startswith(_UTF_16):
        yield _as_utf_8(file)
    elif not file.data.strip():
        yield Passed(file, nothing_read("empty_file", "nothing in it"))
    else:
        yield file


def _as_utf_8(file: File) -> File | Passed:
    try:
        return file._replace(data=file.data.decode("utf-16").encode())
    except UnicodeError as error:
        return Passed(file, nothing_read("malformed", f"it begins as UTF-16 and is not: {error}"))


def _members(archive: File) -> Iterator[File | Passed]:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.data)) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield from _member(archive, member.name, content.read())
    except (tarfile.TarError, OSError, ValueError) as error:
        yield Passed(archive, nothing_read("malformed", f"not a whole tar file: {error}"))


def _member(archive: File, name: str, data: bytes) -> Iterator[File | Passed]:
    file = File(f"{archive.name}/{name}", data, archive.time)
    if os.path.basename(name).startswith("._"):
        yield Passed(file, left_out("mac_resource_fork"))
    else:
        yield from _unpacked(file)
