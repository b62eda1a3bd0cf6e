"""Rules that name the owner of a workload's cost: the first that matches at an instant holds then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import NamedTuple

from pipeline.wire import labels

# And label.NAME and annotation.NAME.
MATCHED = ("cluster", "namespace", "workload", "team", "model")
OWNED = ("team", "cost_centre", "environment")


class Holder(NamedTuple):
    """What is known of who holds a device, '' where it is not; `team` is what labels say."""

    cluster: str
    namespace: str
    workload: str
    team: str
    model: str
    labels: str = ""
    """As `pipeline.wire.labels` has them."""

    def of(self, field: str) -> str:
        """One of MATCHED, or label.NAME or annotation.NAME."""
        if labels.is_one(field):
            return labels.load(self.labels).get(field, "")
        found: str = getattr(self, field)
        return found


class Owner(NamedTuple):
    team: str = ""
    cost_centre: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """`match` are patterns by field, all of which must fit; it holds in [valid_from, valid_to), None is open.

    What it does not name it leaves: '' in `owner` is no owner's name.
    """

    match: tuple[tuple[str, str], ...]
    owner: Owner
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def fits(self, holder: Holder) -> bool:
        return all(fnmatchcase(holder.of(field), pattern) for field, pattern in self.match)

    def holds_at(self, time: datetime) -> bool:
        started = self.valid_from is None or self.valid_from <= time
        return started and (self.valid_to is None or time < self.valid_to)


class Span(NamedTuple):
    """One owner in [start, end)."""

    start: datetime
    end: datetime
    owner: Owner


@dataclass(frozen=True, slots=True)
class Ownership:
    """`version` is what the file calls itself, with a digest of what it holds; '' is no rules."""

    version: str = ""
    rules: tuple[Rule, ...] = ()

    def spans(self, holder: Holder) -> Iterator[Span]:
        """The holder's owner at every instant; neighbours differ."""
        rules = [rule for rule in self.rules if rule.fits(holder)]
        edges = {t for rule in rules for t in (rule.valid_from, rule.valid_to) if t is not None}
        last: Span | None = None
        for start, end in pairwise([datetime.min, *sorted(edges), datetime.max]):
            owner = _at(rules, holder, start)
            if last is not None and last.owner == owner:
                last = last._replace(end=end)
                continue
            if last is not None:
                yield last
            last = Span(start, end, owner)
        if last is not None:
            yield last


def _at(rules: list[Rule], holder: Holder, time: datetime) -> Owner:
    """Each part from the first rule that names it; the team is the label's where no rule names one."""
    current = [rule.owner for rule in rules if rule.holds_at(time)]
    named = (next((part for part in parts if part), "") for parts in zip(*current, strict=True))
    team, cost_centre, environment = tuple(named) or ("", "", "")
    return Owner(team or holder.team, cost_centre, environment)
