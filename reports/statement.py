"""The statement of a month: what each team held and used, what it pays to the cent, and what was done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.money import minor_digits
from pipeline.answers.window import Window
from pipeline.months.charge import USAGE, Charge
from pipeline.months.draft import Draft
from pipeline.months.terms import CHARGEBACK, Term, Terms
from reports.amounts import Amounts, add, of_buckets, of_charges, over
from reports.judged import Judged

LINE_BY = ("team", "namespace", "workload", "model", "model_version")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """A workload of a team; empty names where a line stands for more than one."""

    team: str
    namespace: str
    workload: str
    model: str
    model_version: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Team:
    """Its lines sum to `amounts`, to the cent, and so do its buckets."""

    name: str
    currency: str
    amounts: Amounts
    lines: tuple[Line, ...]
    buckets: tuple[Decimal, ...]
    """Cents by BUCKETS."""
    cost_centre: str
    term: Term
    more: tuple[Charge, ...]
    """Corrections, bookings, mark-up and tax."""

    @property
    def is_charged(self) -> bool:
        return self.term.mode == CHARGEBACK and self.name not in NOBODYS

    def due(self, currency: str) -> Decimal:
        """All that the statement charges the team in that currency; its usage is in the month's own."""
        usage = self.amounts.total if currency == self.currency else None
        return (usage or ZERO) + sum((c.amount or ZERO for c in self.more if c.currency == currency), ZERO)


@dataclass(frozen=True, slots=True)
class Extras:
    """What explains the month beside its charges: rows of the ledger's answers, by column name."""

    units: tuple[dict[str, Any], ...] = ()
    """Unit costs, a row a model version."""
    actions: tuple[dict[str, Any], ...] = ()
    anomalies: tuple[dict[str, Any], ...] = ()
    """Unlike days of the whole, and with a `team` those of each team."""
    budgets: tuple[dict[str, Any], ...] = ()
    """`teams` are those whose costs are in it, `said` how the numbers came about where that must be said."""
    budgets_left_out: tuple[dict[str, str], ...] = ()
    completeness: dict[str, Decimal] = field(default_factory=dict)
    """Observed part of each team's GPU time."""
    days: tuple[tuple[datetime, str, Decimal], ...] = ()
    """Day, team and cost."""
    trend: tuple[tuple[datetime, str, str, Decimal], ...] = ()
    """Closed month, team, currency and what it was charged."""
    judged: tuple[Judged, ...] = ()
    """Closed months of which labels say something else by now."""
    quality: tuple[dict[str, Any], ...] = ()
    """Steps of the timeline: traffic and accuracy of each model version."""
    began: datetime | None = None
    """When the ledger begins, where that is amid its first month."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Teams sum to `amounts`, to the cent."""

    month: Window
    currency: str
    teams: tuple[Team, ...]
    amounts: Amounts
    as_of: datetime | None
    completeness: Decimal | None
    price_book: str
    rule: str
    """Who pays for idle and shared time."""
    snapshot: int
    notes: tuple[str, ...]
    extras: Extras
    charges: tuple[Charge, ...] = field(repr=False)
    of: str = ""
    """The one team it is of; '' is all."""
    hash: str = ""
    """Of the closed month; '' where it is not closed."""
    closed_at: datetime | None = None
    accepted: tuple[str, ...] = ()
    """Gaps that were accepted with the close."""
    program: str = ""
    unpriced_other_hours: Decimal = ZERO
    """Of cores, memory, volumes and load balancers, which are in no amount."""

    @property
    def title(self) -> str:
        return f"{self.month.start:%B %Y}"

    @property
    def is_provisional(self) -> bool:
        return not self.hash

    @property
    def buckets(self) -> tuple[Decimal, ...]:
        return tuple(sum(parts, ZERO) for parts in zip(*(t.buckets for t in self.teams), strict=True))

    @property
    def currencies(self) -> list[str]:
        """The statement's own, then those of corrections and bookings in others."""
        others = sorted({c.currency for team in self.teams for c in team.more} - {self.currency})
        return [self.currency, *others]

    @property
    def is_begun_amid(self) -> bool:
        """Whether the ledger begins amid this month: a part of it is in no number."""
        return self.extras.began is not None and self.month.start <= self.extras.began < self.month.end

    def due(self, currency: str) -> Decimal:
        return sum((team.due(currency) for team in self.teams), ZERO)

    def charged(self, currency: str) -> Decimal:
        """What of it goes to the general ledger: neither what teams are only shown nor what nobody held."""
        return sum((team.due(currency) for team in self.teams if team.is_charged), ZERO)


def statement(made: Draft, extras: Extras) -> Statement:
    """All teams' statement of a month's charges."""
    teams = teams_of(made.charges, made.inputs.currency, made.inputs.terms)
    return Statement(
        month=made.month,
        currency=made.inputs.currency,
        teams=teams,
        amounts=add([team.amounts for team in teams]),
        as_of=made.as_of,
        completeness=made.completeness,
        price_book=made.inputs.prices.version,
        rule=made.rule,
        snapshot=made.snapshot,
        notes=made.notes,
        extras=extras,
        charges=made.charges,
        unpriced_other_hours=made.unpriced_other_hours,
    )


def teams_of(charges: Sequence[Charge], currency: str, terms: Terms) -> tuple[Team, ...]:
    """Teams by name; what nobody owns and what nobody holds come last."""
    own: dict[str, list[Charge]] = defaultdict(list)
    for one in charges:
        own[one.team].append(one)
    names = sorted(own, key=lambda n: (n in NOBODYS, n == "unowned", n))
    return tuple(_team(name, own[name], currency, terms.of(name)) for name in names)


def _team(name: str, charges: Sequence[Charge], currency: str, term: Term) -> Team:
    digits = minor_digits(currency)
    used = [c for c in charges if c.kind == USAGE]

    def line(one: Charge) -> tuple[str, str, str, str, str]:
        team, _, _, namespace, workload, model, version = one.line
        return team, namespace, workload, model, version

    groups = [(key, list(group)) for key, group in groupby(sorted(used, key=line), key=line)]
    lines = tuple(Line(*key, of_charges(group, digits)) for key, group in groups)
    whole = over([one.amounts for one in lines], of_charges(used, digits))
    centres = {c.key[1] for c in used} - {"", "none", *NOBODYS}
    centre = term.cost_centre or (centres.pop() if len(centres) == 1 else "")
    more = tuple(c for c in charges if c.kind != USAGE)
    return Team(name, currency, whole, lines, of_buckets(used, digits), centre, term, more)
