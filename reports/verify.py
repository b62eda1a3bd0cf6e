"""A statement's file checked: its month computed from the snapshot, drawn again, compared byte by byte."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pipeline.answers.window import month as month_of
from pipeline.errors import NotFound
from pipeline.months.closings import closing
from pipeline.months.verify import Snapshots, verify
from pipeline.store import Store
from reports.build import FORMS
from reports.marker import Marker, find, team
from reports.read import read
from reports.statement import Statement, of_team
from reports.words import money

_PROPERTIES_BYTES = 65_536
"""Read of a workbook's properties, whatever it claims to hold."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, RuntimeError)
"""What reading a damaged archive raises: its frame, its data, their end, no such part, a part that begins
before the file, and one that calls itself encrypted or packed in another way."""


@dataclass(frozen=True, slots=True)
class Result:
    """`problems` are sentences; none is a file that is what was closed."""

    of: str
    hash: str
    total: str
    problems: tuple[str, ...]


def verify_file(store: Store, at: Snapshots, path: Path) -> Result:
    """NotFound where the file is no statement of a closed month."""
    render = FORMS.get(path.suffix.removeprefix("."))
    if render is None or not path.is_file():
        raise NotFound(f"{path} is no statement; name a file that ends with {', '.join(FORMS)}")
    content = path.read_bytes()
    said = find_marker(content)
    if said is None:
        raise NotFound(f"{path} does not say which statement it is: it is damaged, or another kind of file")
    closed = closing(store, said.month)
    problems = [p for one in verify(store, at, said.month) for p in one.problems]
    if said.hash != closed.hash:
        problems.append(f"it names the hash {said.hash[:12]}, and {said.month:%Y-%m} has {closed.hash[:12]}")
    span = month_of(said.month.year, said.month.month)
    whole = read(store, at, span, closed.thawed())
    own = _own(whole, said)
    if own is None:
        return Result(said.of, closed.hash, "", (*problems, "the month has no such team"))
    if render(own) != content:
        problems.append(_differs(own))
    total = _due(own)
    return Result(own.of or "all teams", closed.hash, total, tuple(problems))


def _own(whole: Statement, said: Marker) -> Statement | None:
    if said.of == "all":
        return whole
    name = next((t.name for t in whole.teams if team(t.name) == said.of), None)
    return None if name is None else of_team(whole, name)


def _differs(own: Statement) -> str:
    return (
        f"its bytes are not those of the statement, which comes to {_due(own)}; "
        f"{own.program} closed the month, and another version may draw it otherwise"
    )


def _due(own: Statement) -> str:
    return f"{money(own.due(own.currency), own.currency)} {own.currency}"


def find_marker(content: bytes) -> Marker | None:
    """Out of the file itself, or of the parts of a workbook."""
    if content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(BytesIO(content)) as book, book.open("docProps/core.xml") as part:
                return find(part.read(_PROPERTIES_BYTES))
        except _DAMAGED:
            return None
    return find(content)
