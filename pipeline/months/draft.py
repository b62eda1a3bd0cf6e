"""What a month charges as the ledger is now: usage, corrections of closed months, bookings, mark-up, tax."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline.answers.cost import cost, extent
from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.money import minor_digits, to_cents
from pipeline.answers.window import Window
from pipeline.answers.window import month as month_of
from pipeline.errors import NotFound
from pipeline.months import charge as charges
from pipeline.months.charge import ADJUSTMENT, BY, CORRECTION, MARKUP, TAX, USAGE, Charge, plain
from pipeline.months.closings import closings
from pipeline.months.corrections import corrections
from pipeline.months.inputs import Inputs
from pipeline.months.span import first, months
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Draft:
    """A month's charges, in their order, and what they were computed from."""

    month: Window
    inputs: Inputs
    charges: tuple[Charge, ...]
    snapshot: int
    as_of: datetime | None
    completeness: Decimal | None
    rule: str
    notes: tuple[str, ...]
    unpriced_other_hours: Decimal = Decimal(0)
    """Of cores, memory, volumes and load balancers, which no charge counts."""

    @property
    def is_provisional(self) -> bool:
        return self.as_of is None or self.as_of < self.month.end


def draft(store: Store, month: Window, inputs: Inputs) -> Draft:
    """Raises NotFound where no GPU existed in the month and none is closed before it, ConfigError for
    clashing prices.  After a closed month one without a GPU charges nothing but what comes late."""
    answer = cost(store, month, BY, inputs.prices, inputs.currency, inputs.rule, inputs.owners)
    if not answer.rows and not any(c.month < month.start for c in closings(store)):
        raise NotFound(f"no GPU existed in {month}; the ledger's GPU facts are of {extent(store)}")
    found = charges.usage(answer.named(), month.start, inputs.currency)
    notes = list(answer.notes)
    earlier, unseen = _earlier(store, month, inputs.correction_months)
    if unseen:
        notes.append(
            f"what came late was looked for in the last {len(earlier)} closed months only, and not before "
            f"{unseen.end:%Y-%m}; closing.correction_months says how many"
        )
    for span, then in earlier:
        changed, said = corrections(store, span, then, inputs)
        found += changed
        notes += said
    found += _booked(store)
    found += on_terms(found, month.start, inputs)
    return Draft(
        month, inputs, tuple(sorted(found, key=lambda c: c.order)), store.snapshot(), answer.as_of,
        answer.completeness, str(answer.total_of("rule")), tuple(notes),
        charges.unpriced_other_hours(answer),
    )  # fmt: skip


def _earlier(store: Store, month: Window, count: int) -> tuple[list[tuple[Window, Inputs]], Window | None]:
    """The last months that are closed, each with what it was computed from, and the last before them that is
    left out; those before the first that was closed count too, as if they had been closed with it at nothing.
    """
    closed = [c for c in closings(store) if c.month < month.start]
    if not closed:
        return [], None
    before = [(span, closed[0]) for span in months(first(store).start, closed[0].month)]
    own = [(month_of(c.month.year, c.month.month), c) for c in closed]
    every = [*before, *own]
    first_seen = max(0, len(every) - count)
    found = [(span, c.thawed()) for span, c in every[first_seen:]]
    return found, every[first_seen - 1][0] if first_seen else None


def _booked(store: Store) -> list[Charge]:
    """What people booked since the last close."""
    return [
        plain(
            ADJUSTMENT, row["charge_month"], row["currency"], row["team"], row["amount"],
            row["adjustment_id"], f"{row['category']}: {row['reason']} ({row['actor']})",
        )
        for row in store.query("adjustments_open").to_pylist()
    ]  # fmt: skip


def on_terms(found: Sequence[Charge], month: datetime, inputs: Inputs) -> list[Charge]:
    """Mark-up and tax of each team, in each currency that it pays in, rounded once."""
    return [
        one
        for currency in sorted({c.currency for c in found})
        for team, own in _by_team(c for c in found if c.currency == currency)
        if team not in NOBODYS
        for one in _team(own, month, currency, team, inputs)
    ]


def _team(own: Sequence[Charge], month: datetime, currency: str, team: str, inputs: Inputs) -> list[Charge]:
    term, digits = inputs.terms.of(team), minor_digits(currency)
    base = _sum(c for c in own if c.kind in (USAGE, CORRECTION))
    more = to_cents(base * term.markup_percent / 100, digits)
    taxed = base + more + _sum(c for c in own if c.kind == ADJUSTMENT)
    tax = to_cents(taxed * term.tax_percent / 100, digits)
    said = ((MARKUP, more, term.markup_percent), (TAX, tax, term.tax_percent))
    return [
        plain(kind, month, currency, team, amount, inputs.terms.version, f"{percent:f} %")
        for kind, amount, percent in said
        if amount
    ]


def _by_team(of: Iterable[Charge]) -> list[tuple[str, list[Charge]]]:
    teams: dict[str, list[Charge]] = defaultdict(list)
    for one in of:
        teams[one.team].append(one)
    return sorted(teams.items())


def _sum(of: Iterable[Charge]) -> Decimal:
    return sum((c.amount or Decimal(0) for c in of), Decimal(0))
