"""Which devices a row speaks of, and how specific it is about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Protocol, TypeVar

from pipeline.prices.gpu_models import canonical, names

UNKNOWN_CAPACITY = "on-demand"
"""The purchase option of a device whose inventory does not tell it."""

WINDOWS = "windows"
"""A system whose licence is in the price of an instance."""

_USUAL = {"capacity_type": UNKNOWN_CAPACITY, "resource": "gpu", "os": "linux"}

Match = tuple[tuple[str, str], ...]
Rank = tuple[int, bool]


@dataclass(frozen=True, slots=True)
class Profile:
    """All that a price can depend on; '' is unknown."""

    cluster: str = ""
    provider: str = ""
    region: str = ""
    instance_type: str = ""
    gpu_model: str = ""
    mig_profile: str = ""
    capacity_type: str = ""
    resource: str = ""
    """'' is a GPU; else what of a node or cluster it is, as in the event `device`."""
    os: str = ""
    """Of the node."""

    def __str__(self) -> str:
        given = [f"{f.name} {value}" for f in fields(self) if (value := getattr(self, f.name))]
        return ", ".join(given) or "a device of which nothing is known"


MATCH_FIELDS = tuple(f.name for f in fields(Profile))


class Dated(Protocol):
    """A row that holds in [valid_from, valid_to); None is open."""

    @property
    def match(self) -> Match: ...
    @property
    def valid_from(self) -> datetime | None: ...
    @property
    def valid_to(self) -> datetime | None: ...


D = TypeVar("D", bound=Dated)


def rank(match: Match, profile: Profile) -> Rank | None:
    """How specific the match is: fields, then whether model and type are in full; None where one differs.

    An instance type that ends with * is all that begin so.
    """
    exact = True
    for field, wanted in match:
        value = getattr(profile, field)
        if field == "gpu_model":
            if canonical(wanted) not in names(value):
                return None
            exact = exact and canonical(wanted) == canonical(value)
        elif field == "instance_type" and wanted.endswith("*"):
            if not value.lower().startswith(wanted[:-1].lower()):
                return None
            exact = False
        elif wanted.lower() != _known(field, value).lower():
            return None
    return len(match), exact


def differs(match: Match, profile: Profile) -> str:
    """The first field that keeps the row from the device, in words; '' where it matches."""
    for field, wanted in match:
        if rank(((field, wanted),), profile) is None:
            return f"{field} is {_known(field, getattr(profile, field)) or 'unknown'}, not {wanted}"
    return ""


def prices(match: Match, profile: Profile) -> bool:
    """Whether a price of that match can be the profile's.

    A GPU's is no core's, and price lists are of Linux: another resource or system must be said, but in a
    price of everything.
    """
    named = dict(match)
    return (not profile.resource or "resource" in named) and (
        profile.os.lower() != WINDOWS or not named or "os" in named
    )


def _known(field: str, value: str) -> str:
    return value or _USUAL.get(field, "")


def same(match: Match) -> Match:
    """One form for all ways to write one match."""
    return tuple(sorted((f, canonical(v) if f == "gpu_model" else v.lower()) for f, v in match))


def holds_at(row: Dated, time: datetime) -> bool:
    started = row.valid_from is None or row.valid_from <= time
    return started and (row.valid_to is None or time < row.valid_to)


def overlaps(a: Dated, b: Dated) -> bool:
    latest = max(a.valid_from or datetime.min, b.valid_from or datetime.min)
    return latest < min(a.valid_to or datetime.max, b.valid_to or datetime.max)


def succession(
    rows: Iterable[D], key: Callable[[D], object], ended: Callable[[D, datetime], D]
) -> tuple[D, ...]:
    """The rows in their order; one without an end ends where the next of its key begins.

    So a file only ever grows: a new row needs no change of the one before it.
    """
    found = list(rows)
    starts: dict[object, list[datetime]] = {}
    for row in found:
        if row.valid_from is not None:
            starts.setdefault(key(row), []).append(row.valid_from)
    for i, row in enumerate(found):
        later = [t for t in starts.get(key(row), ()) if row.valid_from is None or t > row.valid_from]
        if row.valid_to is None and later:
            found[i] = ended(row, min(later))
    return tuple(found)
