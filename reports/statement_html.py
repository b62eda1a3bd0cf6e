"""A statement as one HTML file: no script, nothing loaded from elsewhere, every name escaped, printable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib.resources import files

from pipeline.answers.cost_table import NOBODYS
from reports.amounts import Amounts
from reports.marker import marker
from reports.markup import Html, cell, element, join, number, table
from reports.statement import Line, Statement, Team
from reports.words import (
    KINDS,
    METHOD,
    action,
    additions,
    hours,
    instant,
    money,
    percent,
    provisional,
    unit,
    who,
)  # fmt: skip

_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(statement: Statement) -> str:
    """The whole page."""
    heading = who(statement.of) if statement.of else "All teams"
    css = (files("reports") / "statement.css").read_text(encoding="utf-8")
    body = join(
        element("h1", f"GPU statement, {statement.title}"),
        element("p", f"{heading} · {statement.month.start:%Y-%m-%d} to {statement.month.end:%Y-%m-%d} UTC, "
                     f"end excluded · {statement.currency}", "sub"),
        _provisional(statement),
        _cards(statement),
        _teams(statement),
        *(_team(team, statement.currency) for team in statement.teams),
        _more(statement),
        _models(statement),
        _actions(statement),
        _section("How this was computed", _list(METHOD)),
        _section("What to know of these numbers", _list(statement.notes)),
        _footer(statement),
    )  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="driftledger" content="{marker(statement)}">\n'
        f"{element('title', f'GPU statement {statement.title}: {heading}')}\n"
        f"<style>\n{css}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _cards(statement: Statement) -> Html:
    own = statement.amounts
    shown = (
        (money(statement.due(statement.currency), statement.currency), f"{statement.currency} due"),
        (percent(own.used, own.total), "of it used"),
        (hours(own.allocated + own.unallocated), "GPU-hours"),
        (percent(statement.completeness, Decimal(1)), "of the time was observed"),
    )
    cards = (Html(f'<div class="card">{element("b", b)}{element("span", s)}</div>') for b, s in shown)
    return Html(f'<div class="cards">{join(*cards)}</div>')


def _amount_cells(own: Amounts, currency: str, *more: Decimal) -> tuple[Html, ...]:
    times = (own.allocated, own.active, own.idle_held, *more)
    costs = (own.used, own.idle, own.total)
    return (*(number(hours(t), "wide") for t in times), *(number(money(c, currency)) for c in costs))


_HOURS = ("held h", "active h", "held idle h")
_COSTS = ("used", "idle", "total")


def _teams(statement: Statement) -> Html:
    code = statement.currency
    rows = [
        (cell(who(team.name)), Html(f"<td>{_bar(own)}</td>"), *_amount_cells(own, code, own.unallocated))
        for team in statement.teams
        for own in (team.amounts,)
    ]
    whole = statement.amounts
    total = (cell("Total"), cell(""), *_amount_cells(whole, code, whole.unallocated))
    legend = Html(
        '<p class="legend"><i style="background:var(--used)"></i>used'
        '<i style="background:var(--idle)"></i>idle</p>'
    )
    heads = ("Team", "", *_HOURS, "nobody's h", *_COSTS[:-1], f"total ({code})")
    return _section("By team", join(table(heads, rows, total, numbers=7), legend))


def _bar(own: Amounts) -> Html:
    if not own.total:
        return Html('<div class="bar"></div>')
    used = max(Decimal(0), min(Decimal(100), (own.used or Decimal(0)) / own.total * 100))
    return Html(
        f'<div class="bar" role="img" aria-label="{used:.0f}% used">'
        f'<i style="width:{used:.1f}%"></i><i style="width:{100 - used:.1f}%"></i></div>'
    )


def _team(team: Team, currency: str) -> Html:
    if team.name in NOBODYS:
        return Html("")
    rows = [(cell(_workload(line)), *_amount_cells(line.amounts, currency)) for line in team.lines]
    heads = ("Workload", *_HOURS, *_COSTS)
    total = (cell("Total"), *_amount_cells(team.amounts, currency))
    return _section(f"{who(team.name)}, {currency}", table(heads, rows, total, numbers=6))


def _workload(line: Line) -> str:
    serves = f" · {line.model} {line.model_version}" if line.model != "none" else ""
    return f"{line.namespace} · {line.workload}{serves}"


def _models(statement: Statement) -> Html:
    if not statement.extras.units:
        return Html("")
    rows = [
        (cell(f"{u['model']} {u['model_version']}"), number(f"{u['requests'] or 0:,}"),
         *(number(unit(u[name])) for name in ("cost", "cost_per_1k_requests")),
         number(percent(_ratio(u["accuracy"]), Decimal(1))), number(unit(u["cost_per_1k_correct"])))
        for u in statement.extras.units
    ]  # fmt: skip
    heads = ("Model version", "requests", f"cost ({statement.currency})", "per 1,000 requests", "right",
             "per 1,000 right")  # fmt: skip
    return _section("What an answer costs", table(heads, rows, None, numbers=5))


def _more(statement: Statement) -> Html:
    """Corrections, bookings, mark-up and tax, and what is due."""
    rows = [
        (cell(who(team.name)), cell(KINDS[kind]), cell(f"{month:%Y-%m}"), cell(detail),
         number(money(amount, currency)), number(currency))
        for team in statement.teams
        for kind, month, detail, currency, amount in additions(team)
    ]  # fmt: skip
    due = [(f"Due in {code}", money(statement.due(code), code)) for code in statement.currencies]
    total = Html(f"<ul>{join(*(element('li', f'{name}: {amount}', 'due') for name, amount in due))}</ul>")
    if not rows:
        return _section("Adjustments, mark-up and tax", join(element("p", "None in this month."), total))
    heads = ("Team", "What", "Of", "Why", "amount", "currency")
    return _section("Adjustments, mark-up and tax", join(table(heads, rows, None, numbers=2), total))


def _actions(statement: Statement) -> Html:
    if not statement.extras.actions:
        return _section("Actions taken", element("p", "None in this month."))
    rows = [tuple(cell(text) for text in action(row)) for row in statement.extras.actions]
    heads = ("When", "What", "Where", "State", "Why", "Saved")
    return _section("Actions taken", table(heads, rows, None, numbers=0))


def _provisional(statement: Statement) -> Html:
    if statement.is_provisional:
        return element("p", provisional(statement), "warn")
    said = [f"Closed with gaps that were accepted: {gap}" for gap in statement.accepted]
    return join(*(element("p", text, "warn") for text in said))


def _footer(statement: Statement) -> Html:
    return element(
        "footer",
        f"As of {instant(statement.as_of)} · price book {statement.price_book} · rule {statement.rule} · "
        f"lake snapshot {statement.snapshot} · {hours(statement.amounts.unpriced)} GPU-hours unpriced"
        + (f" · closed {instant(statement.closed_at)} · hash {statement.hash}" if statement.hash else ""),
    )


def _section(title: str, content: Html) -> Html:
    return Html(f"<section>{element('h2', title)}{content}</section>")


def _list(items: Iterable[str] | Sequence[str]) -> Html:
    return Html(f"<ul>{join(*(element('li', item) for item in items))}</ul>")


def _ratio(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
