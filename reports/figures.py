"""The figures that a statement's file shows, read out of its own bytes: to name the one that was changed."""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections import Counter
from io import BytesIO

import pyarrow.parquet as pq

_FIGURE = re.compile(r"(?<![\w.#-])-?\d[\d,]*\.?\d*(?![\w.-])")
_TAG = re.compile(r"<[^>]*>")
_DRAWN = re.compile(r"<svg.*?</svg>|<style>.*?</style>", re.S)
_VALUE = re.compile(r"<v>([^<]*)</v>|<t[^>]*>([^<]*)</t>")
_SHEET_BYTES = 256 * 2**20
"""Of one sheet; more is no statement."""

DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, KeyError, ValueError, RuntimeError,
)  # fmt: skip
"""What reading a damaged archive raises: its frame, its data in each way of packing (bzip2's is an OSError),
their end, no such part, a part that begins before the file, and one that calls itself encrypted."""


def figures(form: str, content: bytes) -> Counter[str] | None:
    """Every number that a reader sees in it and how often; None of a form that cannot be read back (PDF).

    Raises one of DAMAGED.
    """
    if form == "pdf":
        return None
    return Counter(one.replace(",", "") for one in _FIGURE.findall(_text(form, content)))


def _text(form: str, content: bytes) -> str:
    if form == "html":
        return _TAG.sub(" ", _DRAWN.sub(" ", content.decode("utf-8", "replace")))
    if form == "csv":
        return content.decode("utf-8", "replace").replace(",", " ")
    if form == "parquet":
        columns = pq.read_table(BytesIO(content)).to_pydict().values()
        return " ".join(str(value) for column in columns for value in column)
    return " ".join(_cells(content))


def _cells(content: bytes) -> list[str]:
    """Values of a workbook: of its sheets and of the texts that they share."""
    found: list[str] = []
    with zipfile.ZipFile(BytesIO(content)) as book:
        for name in sorted(book.namelist()):
            if name.startswith("xl/worksheets/") or name == "xl/sharedStrings.xml":
                with book.open(name) as part:
                    text = part.read(_SHEET_BYTES).decode("utf-8", "replace")
                found += [number or words for number, words in _VALUE.findall(text)]
    return found


def differences(form: str, content: bytes, right: bytes) -> tuple[list[str], list[str]] | None:
    """(figures that only `content` has, that only `right` has); None where they cannot be read."""
    try:
        own, wanted = figures(form, content), figures(form, right)
    except DAMAGED:
        return None
    if own is None or wanted is None:
        return None
    return sorted(own - wanted), sorted(wanted - own)
