"""The prediction against the budgets of a file: what a month of each costs now, and after the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from pipeline.answers.answer import Answer
from pipeline.answers.cells import amount
from pipeline.answers.cost import cost
from pipeline.answers.cost_table import UNPRICED, own
from pipeline.budgets import Budget
from pipeline.ownership.rules import Ownership
from pipeline.predict.present import by_month, newest
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store

Line = Mapping[str, object]


class Verdict(NamedTuple):
    """`is_over` is None where it is not known whether the budget is kept."""

    words: str
    is_over: bool | None


def lines(
    store: Store, plans: Sequence[Budget], book: PriceBook, currency: str, rule: CostRule, owners: Ownership
) -> Sequence[Line]:
    """Every line that the budgets can be about, its `month` at the rate of the ledger's newest day."""
    window = newest(store)
    named = (dimension for plan in plans for dimension, _ in plan.match)
    by = tuple(dict.fromkeys(("namespace", "workload", *named)))
    answer = cost(store, window, by, book, currency, rule, owners)
    return [{**line, "month": by_month(line["total_cost"], window)} for line in answer.named()]


def against(
    plans: Sequence[Budget], made: Answer, known: Sequence[Line], cluster: str, currency: str, today: date
) -> Iterator[Verdict]:
    """One verdict a budget that holds today; a quarter's is spent evenly over its months."""
    for plan in plans:
        if not plan.valid_from <= today < plan.valid_to:
            continue
        if plan.currency != currency:
            words = f"it was not looked at: ask with --currency {plan.currency}"
            yield Verdict(f"budget {plan.name} is in {plan.currency}; {words}", False)
            continue
        most = plan.amount / (3 if plan.period == "quarter" else 1)
        own = [line for line in known if plan.covers(line)]
        now = sum((_money(line["month"]) for line in own), Decimal(0))
        change, unknown = Decimal(0), [_name(line) for line in own if any(line[n] for n in UNPRICED)]
        for row in made.named():
            covered = _covered(plan, row, known, cluster)
            if covered is None or (covered and row["change"] is None):
                unknown.append(_name(row))
            elif covered:
                change += _money(row["change"])
        amounts = f"{amount(now + change)} of {amount(most)} {currency} a month, {amount(now)} before"
        words = f"budget {plan.name}: {amounts}"
        if unknown:
            words += f"; without {', '.join(dict.fromkeys(unknown))}, whose price or owner is not known"
        # Who deploys does not answer for what others have spent before, least where his change lowers it.
        is_over = change > 0 and now + change > most
        if now + change > most:
            words += "; over it" if is_over else "; over it before, and not raised by this"
        yield Verdict(words, None if unknown and not is_over else is_over)


def _covered(plan: Budget, row: Line, known: Sequence[Line], cluster: str) -> bool | None:
    """As the ledger's lines of the same workload, else of the same namespace, say; None where they do not."""
    said = {"namespace": row["namespace"], "workload": row["workload"]}
    said |= {"cluster": cluster} if cluster else {}
    inside = [line for line in known if own(str(line["namespace"])) == row["namespace"]]
    same = [line for line in inside if line["workload"] == row["workload"]] or inside
    asked = [dimension for dimension, _ in plan.match]
    if set(asked) <= said.keys():
        return plan.covers(said)
    verdicts = {plan.covers({**line, **said}) for line in same}
    return verdicts.pop() if len(verdicts) == 1 else None


def _name(line: Line) -> str:
    return f"{line['namespace']} {line['workload']}"


def _money(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)
