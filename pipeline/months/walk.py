"""Charges walked hour by hour: what their own time costs, and their parts of what all holders pay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from pipeline.answers import cost_hours
from pipeline.answers.cost_basis import Basis
from pipeline.answers.cost_columns import Line
from pipeline.answers.cost_table import BUCKETS, NOBODYS
from pipeline.answers.window import HOUR
from pipeline.months.charge import BY
from pipeline.settings.cost import CostRule, Method, Spread

POOLS = {"idle": NOBODYS, "shared": ("shared",), "rest": ("workload_idle",)}
"""What is paid by others than it arose with, and the buckets that it is in."""

Key = tuple[str, ...]
"""Values of BY, and the resource."""
Place = tuple[str, str, str]
"""Cluster, resource, pool."""
Of = TypeVar("Of")


@dataclass(slots=True)
class Piece:
    """Hours in a row that are alike: `sums` over them, of `hourly` each; exact integers."""

    start: datetime
    end: datetime
    sums: list[int]
    hourly: Sequence[int]


@dataclass(slots=True)
class Runs(Generic[Of]):
    """Pieces by what they are of, in the order of time."""

    of: dict[Of, list[Piece]] = field(default_factory=lambda: defaultdict(list))

    def add(self, group: Of, hour: datetime, values: Sequence[int]) -> None:
        pieces = self.of[group]
        if pieces and pieces[-1].end == hour and pieces[-1].hourly == values:
            last = pieces[-1]
            last.end, last.sums = hour + HOUR, [a + b for a, b in zip(last.sums, values, strict=True)]
        else:
            pieces.append(Piece(hour, hour + HOUR, list(values), values))


@dataclass(frozen=True, slots=True)
class Walk:
    """`own` by charge and resource: share units times microseconds, billionths charged for them, and those
    that they cost.  `shares`: billionths charged, the pool's, own weight, that of all holders.  `members` by
    Key: the time whose cost is in the pool, and its billionths there.
    """

    own: dict[tuple[str, ...], Runs[str]] = field(default_factory=lambda: defaultdict(Runs))
    shares: Runs[Place] = field(default_factory=Runs)
    members: dict[Place, Runs[Key]] = field(default_factory=lambda: defaultdict(Runs))


def walk(basis: Basis, rule: CostRule, wanted: Collection[tuple[str, ...]], lines: int) -> Walk:
    """Of the charges with the keys `wanted`; `rule` is that of their team, `lines` about how many there are.

    The cost of `own` and `shares` is to the billionth what the charges cost.
    """
    plain = unspread(rule)
    rules = (rule,) if rule == plain else (rule, plain)
    found, keys = Walk(), frozenset(wanted)
    for hour, made in cost_hours.hours(basis, rules, (*BY, "resource"), lines):
        _hour(found, hour, made[0], made[-1], rule, keys)
    return found


def unspread(rule: CostRule) -> CostRule:
    """By which each cost stays where it arose."""
    method = Method.allocation if rule.method is Method.usage else rule.method
    return replace(rule, method=method, idle=Spread.none, shared=Spread.none)


def _hour(
    found: Walk, hour: datetime, after: Sequence[Line], before: Sequence[Line], rule: CostRule,
    wanted: Collection[tuple[str, ...]],
) -> None:  # fmt: skip
    then = {_key(line): line for line in before}
    now = {_key(line): line for line in after}
    pools = {} if after is before else _pools(now, then, rule)
    parts: dict[Place, list[int]] = defaultdict(lambda: [0, 0])
    for key in sorted(key for key in now if key[:-1] in wanted):
        line, was = now[key], then.get(key)
        got = _received(key, line, was, pools)
        for pool, nano in got.items():
            sums = parts[key[-4], key[-1], pool]
            sums[0] += nano
            sums[1] += _weight(was, rule, pool)
        su = line["allocated_su"] + line["unallocated_su"]
        found.own[key[:-1]].add(key[-1], hour, (su, _nano(line) - sum(got.values()), _nano(was)))
    for place, (nano, weight) in parts.items():
        pot = pools[place]
        found.shares.add(place, hour, (nano, pot.nano, weight, pot.weight))
        for key, su, part in pot.members:
            found.members[place].add(key, hour, (su, part))


@dataclass(slots=True)
class _Pool:
    nano: int = 0
    weight: int = 0
    members: list[tuple[Key, int, int]] = field(default_factory=list)


def _pools(now: dict[Key, Line], then: dict[Key, Line], rule: CostRule) -> dict[Place, _Pool]:
    """What was spread, by cluster, resource and pool: what stays where it arose is in none."""
    found: dict[Place, _Pool] = defaultdict(_Pool)
    for key, line in then.items():
        cluster, resource = key[-4], key[-1]
        if (gives := _gives(key, line)) is not None:
            if spread := _nano(line) - _nano(now.get(key)):
                pot = found[cluster, resource, gives]
                pot.nano += spread
                pot.members.append((key, line["allocated_su"] + line["unallocated_su"], spread))
            continue
        for pool in ("idle", "shared"):
            found[cluster, resource, pool].weight += _weight(line, rule, pool)
        if rule.method is Method.usage:
            rest = found[cluster, resource, "rest"]
            rest.weight += _weight(line, rule, "rest")
            if idle := _nano(line, POOLS["rest"]):
                rest.nano += idle
                rest.members.append((key, line["allocated_su"], idle))
    # Where nobody worked, nobody can pay for it by work: it stays.
    return {place: pot for place, pot in found.items() if pot.nano and (pot.weight or place[2] != "rest")}


def _gives(key: Key, line: Line) -> str | None:
    """The pool of time that nobody has for itself; None is a holder's own."""
    if key[0] in NOBODYS:
        return "idle"
    return "shared" if line["shared_nano"] else None


def _received(key: Key, line: Line, was: Line | None, pools: dict[Place, _Pool]) -> dict[str, int]:
    """What of the line's cost is its part of pools, where it is a holder's."""
    if was is None or _gives(key, was) is not None:
        return {}
    named = ((pool, (key[-4], key[-1], pool)) for pool in POOLS)
    return {pool: _nano(line, POOLS[pool]) for pool, place in named if place in pools}


def _weight(line: Line | None, rule: CostRule, pool: str) -> int:
    """What its part is by, where it is not by each holder alike."""
    by_work = pool == "rest" or rule.method is Method.usage
    return _nano(line, ("used",) if by_work else ("used", "workload_idle"))


def _nano(line: Line | None, buckets: Sequence[str] = BUCKETS) -> int:
    return sum(line[f"{bucket}_nano"] or 0 for bucket in buckets) if line else 0


def _key(line: Line) -> Key:
    return (*(str(line[name] or "") for name in BY), line["resource"])
