"""The statement of a month: what each team held and used, what it costs to the cent, and what was done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost, extent
from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.money import to_cents
from pipeline.answers.served import traffic
from pipeline.answers.window import Window
from pipeline.errors import NotFound
from pipeline.ownership.rules import Ownership
from pipeline.prices import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store
from reports.amounts import Amounts, add, in_cents_of, of_row, over

LINE_BY = ("team", "namespace", "workload", "model", "model_version")


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
    """Its lines sum to `amounts`, to the cent."""

    name: str
    amounts: Amounts
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ModelCost:
    """`cost` is exact, before any rounding to cents."""

    model: str
    model_version: str
    cost: Decimal
    requests: int

    @property
    def per_thousand(self) -> Decimal:
        return (self.cost / self.requests * 1000).quantize(Decimal("0.0001"))


@dataclass(frozen=True, slots=True)
class Statement:
    """Teams sum to `amounts`, to the cent."""

    month: Window
    currency: str
    teams: tuple[Team, ...]
    amounts: Amounts
    models: tuple[ModelCost, ...]
    actions: tuple[dict[str, Any], ...]
    """Rows of the query actions_list."""
    as_of: datetime | None
    completeness: Decimal | None
    price_book: str
    rule: str
    """Who pays for idle and shared time."""
    snapshot: int
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.month.start:%B %Y}"

    @property
    def is_provisional(self) -> bool:
        return self.as_of is None or self.as_of < self.month.end


def statement(
    store: Store,
    month: Window,
    prices: PriceBook,
    currency: str = "USD",
    rule: CostRule = CostRule(),  # noqa: B008  frozen
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Statement:
    """The month's statement of every team, from the ledger as it is now.

    Raises NotFound where the ledger holds no GPU fact of the month, ConfigError where prices contradict
    each other.
    """
    answer = cost(store, month, LINE_BY, prices, currency, rule, owners)
    if not answer.rows:
        raise NotFound(f"no GPU existed in {month}; the ledger's GPU facts are of {extent(store)}")
    lines = _lines(answer)
    teams = _teams(lines)
    return Statement(
        month=month,
        currency=currency,
        teams=teams,
        amounts=add([team.amounts for team in teams]),
        models=_models(store, lines, month),
        actions=tuple(store.query("actions_list", start=month.start, end=month.end).to_pylist()),
        as_of=answer.as_of,
        completeness=answer.completeness,
        price_book=prices.version,
        rule=str(answer.rows[0][[c.name for c in answer.columns].index("rule")]),
        snapshot=store.snapshot(),
        notes=answer.notes,
    )


def of_team(whole: Statement, name: str) -> Statement:
    """The same statement with one team's numbers only, and only actions on what it runs."""
    (team,) = (t for t in whole.teams if t.name == name)
    own = {(line.namespace, line.workload) for line in team.lines}
    versions = {(line.model, line.model_version) for line in team.lines}
    return replace(
        whole,
        teams=(team,),
        amounts=team.amounts,
        completeness=team.amounts.completeness,
        models=tuple(m for m in whole.models if (m.model, m.model_version) in versions),
        actions=tuple(a for a in whole.actions if (a["namespace"], a["workload"]) in own),
    )


def _lines(answer: Answer) -> list[Line]:
    names = [c.name for c in answer.columns]
    rows = [dict(zip(names, row, strict=True)) for row in answer.rows]
    return [Line(**{name: str(row[name]) for name in LINE_BY}, amounts=of_row(row)) for row in rows]


def _teams(lines: Sequence[Line]) -> tuple[Team, ...]:
    """In cents.  Teams by name; what nobody owns and what nobody holds come last."""
    names = sorted({line.team for line in lines}, key=lambda n: (n in NOBODYS, n == "unowned", n))
    own = [[line for line in lines if line.team == name] for name in names]
    exact = [add([line.amounts for line in lines_of_team]) for lines_of_team in own]
    total = add(exact).total
    cents = in_cents_of(None if total is None else to_cents(total), exact)
    return tuple(_team(*parts) for parts in zip(names, cents, own, strict=True))


def _team(name: str, amounts: Amounts, lines: Sequence[Line]) -> Team:
    cents = in_cents_of(amounts.total, [line.amounts for line in lines])
    rounded = tuple(replace(line, amounts=own) for line, own in zip(lines, cents, strict=True))
    return Team(name, over(cents, amounts), rounded)


def _models(store: Store, lines: Sequence[Line], month: Window) -> tuple[ModelCost, ...]:
    """Model versions that were both paid for and asked."""
    requests = {(s["model"], s["model_version"]): s["requests"] for s in traffic(store, month)}
    costs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.amounts.total is not None:
            costs[line.model, line.model_version] += line.amounts.total
    return tuple(ModelCost(*key, costs[key], requests[key]) for key in sorted(costs) if requests.get(key))
