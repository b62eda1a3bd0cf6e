"""What finance must know before it posts a month: who has no ledger account, and what has no owner."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from reports.statement import Team
from reports.tables import visible
from reports.words import money, who

SHOWN = 5
"""Teams that a sentence names, the dearest first."""
UNOWNED = "unowned"


def posting(teams: Sequence[Team], currency: str) -> list[str]:
    """Sentences; none where every charged team has an account and everything an owner."""
    charged = [team for team in teams if team.is_charged and any(map(team.due, (currency, *_others(team))))]
    return [*_accounts(charged, currency), *_unowned(charged, currency)]


def _others(team: Team) -> set[str]:
    return {one.currency for one in team.more}


def _accounts(charged: Sequence[Team], currency: str) -> list[str]:
    bare = sorted((t for t in charged if not t.term.gl_code), key=lambda t: (-t.due(currency), t.name))
    if not bare:
        return []
    amount = f"{money(sum((team.due(currency) for team in bare), Decimal(0)), currency)} {currency}"
    if len(bare) == 1 < len(charged):
        return [
            f"No ledger account: {visible(who(bare[0].name))} {amount}; gl_code in closing.terms names one."
        ]
    if len(bare) == len(charged):
        return [
            f"No ledger account: all of the {amount} that is charged; gl_code in closing.terms names one."
        ]
    names = ", ".join(f"{visible(who(t.name))} {money(t.due(currency), currency)}" for t in bare[:SHOWN])
    more = f" and {len(bare) - SHOWN} teams more" if len(bare) > SHOWN else ""
    return [f"No ledger account: {names}{more}, together {amount}; gl_code in closing.terms names one."]


def _unowned(charged: Sequence[Team], currency: str) -> list[str]:
    return [
        f"Without an owner: {money(team.due(currency), currency)} {currency}, charged with "
        f"{team.term.markup_percent:f} % mark-up and {team.term.tax_percent:f} % tax; "
        f"teams.{UNOWNED} in closing.terms says otherwise."
        for team in charged
        if team.name == UNOWNED
    ]
