"""A month's statement in a few lines, for a mail and a message: what is due, and the five largest lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reports.markup import Html, element, join, link, table
from reports.statement import Statement
from reports.tables import visible
from reports.team import of_team
from reports.words import money, who

TOP = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """Amounts are as the statement shows them; `due` is (currency, amount), `lines` (whose, what, amount)."""

    title: str
    of: str
    hash: str
    due: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str, str], ...]
    charged: tuple[tuple[str, str], ...] | None = None
    """What of `due` goes to the ledger, where it is not all of it: none of a team that is only shown it."""

    @property
    def sums(self) -> list[str]:
        """A sentence a currency: what is only shown, or held by nobody, is due from nobody."""
        own = dict(self.due if self.charged is None else self.charged)
        return [f"{amount} {code} {_word(amount, own.get(code), code)}" for code, amount in self.due]

    @property
    def plain(self) -> dict[str, dict[str, str]]:
        """What it comes to and what of it is charged, by currency, as a program reads them."""
        charged = self.due if self.charged is None else self.charged
        sums = {"in_all": self.due, "charged": charged}
        return {name: {c: a.replace(",", "") for c, a in own} for name, own in sums.items()}


def _word(amount: str, charged: str | None, code: str) -> str:
    if charged is None:
        return "shown only, not charged"
    return "due" if charged == amount else f"in all, {charged} {code} of it charged to teams"


def summary(whole: Statement, team: str = "") -> Summary | None:
    """Of all teams, or of one; None where the month charges it nothing."""
    if team and team not in {t.name for t in whole.teams}:
        return None
    of = of_team(whole, team) if team else whole
    is_charged = any(own.is_charged for own in of.teams)
    lines = [line for own in of.teams for line in own.lines if line.amounts.total]
    largest = sorted(lines, key=lambda line: (-(line.amounts.total or Decimal(0)), line.team, line.workload))
    return Summary(
        title=f"GPU statement, {of.title}",
        of=visible(who(team)) if team else "all teams",
        hash=of.hash,
        due=tuple((code, money(of.due(code), code)) for code in of.currencies),
        lines=tuple(
            (visible(who(one.team)), visible(" · ".join(filter(None, (one.namespace, one.workload)))),
             money(one.amounts.total, of.currency))
            for one in largest[:TOP]
        ),
        charged=tuple((code, money(of.charged(code), code)) for code in of.currencies if is_charged),
    )  # fmt: skip


def as_text(of: Summary, page: str, files: Sequence[str]) -> str:
    """For who reads mail without markup; `page` is where the month can be looked at, '' nowhere."""
    lines = [f"  {amount:>14}  {whose} {what}" for whose, what, amount in of.lines]
    sums = " and ".join(of.sums)
    parts = [
        f"{of.title}, {of.of}: {sums}.", "\n".join(["The largest lines:", *lines]) if lines else "",
        f"Look at it: {page}" if page else "", f"Hash of the month: {of.hash}",
        f"`driftledger report verify FILE` checks a file: {', '.join(files)}.",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(of: Summary, page: str, files: Sequence[str]) -> str:
    due = join(*(element("h1", said) for said in of.sums))
    rows = [
        [element("td", whose), element("td", what), element("td", amount, "n")]
        for whose, what, amount in of.lines
    ]
    largest = table(["Team", "Largest lines", of.due[0][0]], rows, None, ["", "", "n"]) if rows else Html("")
    there = Html(f"<p>{link(page, 'Look at the month')}</p>") if page else Html("")
    said = element("p", f"Hash of the month: {of.hash}. `driftledger report verify FILE` checks a file: "
                        f"{', '.join(files)}.")  # fmt: skip
    body = join(element("p", f"{of.title}, {of.of}"), due, largest, there, said)
    head = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"></head>'
    return f"{head}<body>\n{body}\n</body></html>\n"
