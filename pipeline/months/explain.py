"""A line of a closed month walked down: its charges, what each interval cost, and each price that held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from pipeline.answers import cost_hours
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cells import safe_text
from pipeline.answers.cost_tenants import DIFFERENCE
from pipeline.answers.money import from_nano, gpu_hours
from pipeline.answers.window import Window
from pipeline.answers.window import month as month_of
from pipeline.errors import NotFound
from pipeline.months.charge import ADJUSTMENT, BY, CORRECTION, MARKUP, TAX, USAGE, Charge
from pipeline.months.closings import charged, charged_for, closing, closings
from pipeline.months.corrections import corrected
from pipeline.months.inputs import Inputs
from pipeline.months.placed import Placed
from pipeline.months.verify import Snapshots
from pipeline.months.walk import Piece, Walk, walk
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Store

Row = tuple[Value, ...]
COLUMNS = (
    Column("kind"), Column("of"), Column("what"), Column("device"), Column("start", kind="time"),
    Column("end", kind="time"), Column("gpu_hours", "hours", "decimal"),
    Column("price"), Column("cost", kind="money"), Column("amount", kind="money"),
    Column("source"),
)  # fmt: skip
MOST = 20
"""Names in an error."""
MEANING = (
    "a charge's cost is exact, its amount is what the largest remainder makes of it; a held row is a claim "
    "on the device, a time row what an interval of it costs, a share row the part of what all holders pay "
    "together, and pool rows are what that is made of; time and share rows sum to the charges' costs, of a "
    "correction to it and its charged row, what the statements before had charged; a price row is what a "
    "GPU-hour cost then, and the source of a usage row is the rule that it was made by"
)
_NOBODYS = {
    "cluster_idle": "held by nobody",
    "stranded": "left over beside partitions",
    "unhealthy": "not allocatable",
}
_PERCENT_OF = {MARKUP: (USAGE, CORRECTION), TAX: (USAGE, CORRECTION, MARKUP, ADJUSTMENT)}
"""What a per cent of it is of: see months.draft."""
_POOLS = {"idle": "time that nobody held", "shared": "what serves all", "rest": "time held without work"}


def explain(store: Store, at: Snapshots, month: Window, line: str) -> Answer:
    """NotFound where the month is not closed or has no such line."""
    closed = closing(store, month.start)
    inputs = closed.thawed()
    every = charged(store, month.start)
    own = [c for c in every if _is(c, line)]
    if not own:
        raise NotFound(f"the statement of {month.start:%Y-%m} has no line {line!r}; {_lines(every)}")
    rows: list[Row] = []
    with at(closed.snapshot) as then, then.steady():
        for (of, team), some in _by_month(own):
            before = charged_for(then, of) if of != month.start else []
            made = inputs if of == month.start else inputs_of(store, then, of, inputs, before)
            rows += _explained(then, of, team, some, before or every, made)
    return Answer(COLUMNS, tuple(rows), closed.time, None, (MEANING,), window=month, observed=False)


def _by_month(own: Sequence[Charge]) -> list[tuple[tuple[datetime, str], list[Charge]]]:
    """By the month that the usage was in, and the team, whose method may be its own."""
    found: dict[tuple[datetime, str], list[Charge]] = defaultdict(list)
    for charge in own:
        found[charge.charge_month, charge.team].append(charge)
    return list(found.items())


def inputs_of(store: Store, then: Store, of: datetime, inputs: Inputs, before: Sequence[Charge]) -> Inputs:
    """What that month was corrected by: its own currency and rule, and a book which may be its own."""
    known = closings(store)
    was = next((c for c in known if c.month == of), known[0]).thawed()
    book = corrected(then, month_of(of.year, of.month), was, inputs, before)[1]
    return replace(was, prices=book, owners=inputs.owners)


def _explained(
    then: Store, of: datetime, team: str, own: Sequence[Charge], every: Sequence[Charge], made: Inputs
) -> Iterator[Row]:
    """The rows of a team's charges for the usage of one month; `every` are what all were charged for it."""
    span, rule = month_of(of.year, of.month), made.rule.of_team(team)
    basis = cost_hours.basis(then, span, made.prices, made.currency, rule, made.owners)
    walked = walk(basis, rule, {c.key for c in own if c.key[-2]}, len(every))
    placed = Placed.of(basis)
    named = "/".join(filter(None, (rule.id, made.owners.version)))
    for charge in own:
        yield _charge(charge, named, every)
        yield from _before(charge, every)
        if charge.key[-2]:
            yield from _held(charge, placed, span)
            yield from _time(charge, walked, placed)
            yield from _prices(charge, placed)
        if team == DIFFERENCE:
            yield from _difference(charge, every)
    yield from _shares(walked, rule, named, placed)


def _is(charge: Charge, line: str) -> bool:
    key = dict(zip(BY, charge.key, strict=True))
    return line in (charge.team, "/".join((charge.team, key["namespace"], key["workload"])))


def _lines(charges: Sequence[Charge]) -> str:
    """The teams that can be asked for: a page shows `cluster_idle` in other words."""
    names = sorted({c.team for c in charges})
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"it has those of {', '.join(map(safe_text, names[:MOST]))}{more}"


def _charge(c: Charge, rule: str, charges: Sequence[Charge]) -> Row:
    key = dict(zip(BY, c.key, strict=True))
    names = (key[name] for name in ("namespace", "workload", "model", "model_version"))
    what = c.detail or _NOBODYS.get(c.team) or " ".join(name for name in names if name not in ("", "none"))
    if c.kind in _PERCENT_OF:
        own = [one for one in charges if (one.team, one.currency) == (c.team, c.currency)]
        base = sum((one.amount or Decimal(0) for one in own if one.kind in _PERCENT_OF[c.kind]), Decimal(0))
        what += f" of {base.normalize():f}"
    of = f"{c.charge_month:%Y-%m}"
    return (c.kind, of, what, key["device"], None, None, c.hours[0] + c.hours[4], None, c.cost, c.amount,
            c.reference or (rule if c.kind in (USAGE, CORRECTION) else ""))  # fmt: skip


def _before(c: Charge, charges: Sequence[Charge]) -> Iterator[Row]:
    """What a correction is less than: the sum of all that was charged for it."""
    if c.kind == CORRECTION:
        own = [one for one in charges if one.key == c.key]
        yield _sum("charged", c, "by the statements before", own)


def _difference(c: Charge, charges: Sequence[Charge]) -> Iterator[Row]:
    """What the bill of the device is, and what the teams' own methods charge of it."""
    own = [one for one in charges if one.kind == USAGE and one.key[-3:] == c.key[-3:]]
    yield _sum("bill", c, "by the rule's own method", own)
    yield _sum("charged", c, "by the teams' own methods", [one for one in own if one.team != DIFFERENCE])


def _sum(kind: str, c: Charge, what: str, own: Sequence[Charge]) -> Row:
    hours = sum((one.hours[0] + one.hours[4] for one in own), Decimal(0))
    cost = sum((one.cost or Decimal(0) for one in own), Decimal(0))
    amount = sum((one.amount or Decimal(0) for one in own), Decimal(0))
    return (kind, f"{c.charge_month:%Y-%m}", what, c.key[-2], None, None, hours, None, cost, amount, "")


def _held(c: Charge, placed: Placed, month: Window) -> Iterator[Row]:
    for claim in placed.claims(c.key):
        start, end = max(claim.start, month.start), min(claim.end, month.end)
        if start < end:
            yield "held", "", claim.share, c.key[-2], start, end, None, None, None, None, claim.uid


def _time(c: Charge, walked: Walk, placed: Placed) -> Iterator[Row]:
    """What the charge's own time costs it; where it is nobody's or serves all, what of that stays."""
    runs = walked.own.get(c.key)
    for resource, pieces in runs.of.items() if runs else ():
        for piece in pieces:
            su, nano, arose = piece.sums
            what = _NOBODYS.get(c.team, "held")
            if c.key[-2].startswith("commitment "):
                what = "bought, and not run"
            if arose and not nano and c.cost is not None:
                what += "; all holders pay for it"
            cost = None if c.cost is None else from_nano(nano)
            yield _interval("time", what, c.key[-3:-1], resource, piece, su, cost, placed)


def _interval(
    kind: str, what: str, place: Sequence[str], resource: str, piece: Piece, su: int, cost: Decimal | None,
    placed: Placed,
) -> Row:  # fmt: skip
    told = what if resource == "gpu" else f"{resource} {what}"
    price = placed.price(place[0], place[1], piece.start, piece.end)
    return (kind, "", told, place[1], piece.start, piece.end, gpu_hours(su), price, cost, None, "")


def _prices(c: Charge, placed: Placed) -> Iterator[Row]:
    for profile, span in placed.spans(*c.key[-3:-1]):
        price = span.price
        yield ("price", "", str(profile), c.key[-2], span.start, span.end, None,
               None if price is None else f"{price.gpu_hour.normalize():f}", None, None,
               span.reason if price is None else f"{price.name}: {price.source or 'no source'}")  # fmt: skip


def _shares(walked: Walk, rule: CostRule, named: str, placed: Placed) -> Iterator[Row]:
    """The line's parts of the pools, and then the time that is in these."""
    for (cluster, resource, pool), pieces in sorted(walked.shares.of.items()):
        for piece in pieces:
            nano, whole, weight, weights = piece.sums
            if not any(piece.hourly):
                continue
            what = f"of {_text(whole)} for {_POOLS[pool]} in {cluster}"
            told = what if resource == "gpu" else f"{resource} {what}"
            yield ("share", "", f"{told}, {_by(rule, pool, weight, weights)}", None, piece.start, piece.end,
                   None, None, from_nano(nano), None, named)  # fmt: skip
        for key, made in sorted(walked.members[cluster, resource, pool].of.items()):
            who = _NOBODYS.get(key[0]) or " ".join(
                (key[0], *key[3:5], "" if pool == "shared" else "without work")
            )
            for piece in made:
                su, nano = piece.sums
                yield _interval("pool", who.strip(), key[-4:-2], resource, piece, su, from_nano(nano), placed)


def _by(rule: CostRule, pool: str, weight: int, weights: int) -> str:
    if {"idle": rule.idle, "shared": rule.shared}.get(pool) is Spread.even:
        return "each holder of a device alike"
    by = "work" if pool == "rest" or rule.method is Method.usage else "own time"
    return f"as its {by} cost {_text(weight)} of the {_text(weights)} of all holders"


def _text(nano: int) -> str:
    """As short as it is exact."""
    return f"{from_nano(nano).normalize():f}"
