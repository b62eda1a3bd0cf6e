"""A statement's file checked: its month computed again, and the file as it was handed over or drawn again."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from pipeline.answers.window import month as month_of
from pipeline.errors import NotFound
from pipeline.months.closings import Closing, closing
from pipeline.months.verify import Snapshots, verify
from pipeline.store import Store
from reports.build import FORMS, for_programs, name
from reports.delivery import handed_over
from reports.figures import DAMAGED, differences
from reports.ledger_lines import USUAL, Mapping
from reports.marker import Marker, find, team
from reports.read import read
from reports.statement import Statement
from reports.team import of_team
from reports.words import money

_PROPERTIES_BYTES = 65_536
"""Read of a workbook's properties, whatever it claims to hold."""
_FOR_PROGRAMS = re.compile(
    r"(?:ledger|focus-\d\.\d)-([1-9]\d{3}-(?:0[1-9]|1[0-2]))(?:-origin)?\.(?:csv|parquet)"
)
SHOWN = 3
"""Figures that are named of those that differ."""


@dataclass(frozen=True, slots=True)
class Result:
    """`problems` are sentences; none is a file that is what was closed."""

    of: str
    hash: str
    total: str
    problems: tuple[str, ...]
    handed_over: datetime | None = None
    """When these very bytes were, where they were."""


def verify_file(store: Store, at: Snapshots, path: Path, columns: Mapping = USUAL) -> Result:
    """A statement says itself which it is; lines for a ledger, with its `columns`, and FOCUS rows by name.

    NotFound where the file is none of a closed month.
    """
    if not path.is_file():
        raise NotFound(f"{path} is no file")
    render = FORMS.get(path.suffix.removeprefix("."))
    if render is None:
        raise NotFound(f"{path} is no statement; name a file that ends with {', '.join(FORMS)}")
    content = path.read_bytes()
    said = find_marker(content)
    named = _FOR_PROGRAMS.fullmatch(path.name)
    if said is None and named is not None:
        return _for_programs(store, at, path.name, content, datetime.strptime(named[1], "%Y-%m"), columns)
    if said is None:
        raise NotFound(
            f"{path} does not say which statement it is: it is damaged, or another kind of file; lines for a "
            "ledger and FOCUS rows are known by the names that they were written under"
        )
    closed, problems, whole = _again(store, at, said.month)
    if said.hash != closed.hash:
        problems.append(f"it names the hash {said.hash[:12]}, and {said.month:%Y-%m} has {closed.hash[:12]}")
    own = _own(whole, said)
    if own is None:
        return Result(said.of, closed.hash, "", (*problems, "the month has no such team"))
    form = path.suffix.removeprefix(".")
    when = handed_over(store, closed, name(own, form), sha256(content).hexdigest())
    if when is None and (drawn := render(own)) != content:
        problems.append(_differs(own, form, content, drawn))
    return Result(own.of or "all teams", closed.hash, _due(own), tuple(problems), when)


def _for_programs(
    store: Store, at: Snapshots, named: str, content: bytes, month: datetime, columns: Mapping
) -> Result:
    closed, problems, whole = _again(store, at, month)
    drawn = dict(for_programs(whole, columns)).get(named)
    if drawn is None:
        raise NotFound(f"{month:%Y-%m} has no file {named}")
    when = handed_over(store, closed, named, sha256(content).hexdigest())
    if when is None and drawn != content:
        problems.append(_differs(whole, named.rpartition(".")[2], content, drawn))
    what = named.partition(f"-{month:%Y-%m}")[0]
    return Result(f"all teams, {what}", closed.hash, _due(whole), tuple(problems), when)


def _again(store: Store, at: Snapshots, month: datetime) -> tuple[Closing, list[str], Statement]:
    """The closed month computed again: what differs from what was kept, and its statement."""
    closed = closing(store, month)
    problems = [p for one in verify(store, at, month) for p in one.problems]
    return closed, problems, read(store, at, month_of(month.year, month.month), closed.thawed())


def _own(whole: Statement, said: Marker) -> Statement | None:
    if said.of == "all":
        return whole
    own = next((t.name for t in whole.teams if team(t.name) == said.of), None)
    return None if own is None else of_team(whole, own)


def _differs(own: Statement, form: str, content: bytes, drawn: bytes) -> str:
    found = differences(form, content, drawn)
    if found is None:
        return (
            f"its bytes are not those of the statement, which comes to {_due(own)}, nor of a file that was "
            f"handed over; {own.program} closed the month, and another version may draw it otherwise"
        )
    more, less = found
    if not more and not less:
        return f"its figures are those of the statement, which comes to {_due(own)}; its bytes are not"
    said = [f"it says {_few(more)}" if more else "", f"the statement has {_few(less)}" if less else ""]
    return f"{' where '.join(one for one in said if one)}; the statement comes to {_due(own)}"


def _few(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN} figures more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


def _due(own: Statement) -> str:
    return f"{money(own.due(own.currency), own.currency)} {own.currency}"


def find_marker(content: bytes) -> Marker | None:
    """Out of the file itself, or of the parts of a workbook."""
    if content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(BytesIO(content)) as book, book.open("docProps/core.xml") as part:
                return find(part.read(_PROPERTIES_BYTES))
        except DAMAGED:
            return None
    return find(content)
