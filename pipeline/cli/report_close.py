"""`driftledger report open|close|adjust|reply`: months and their state, and what people write about them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.actor import ActorOption, who
from pipeline.cli.month_options import MonthOption, StatementCurrency, currency_of, inputs, month_of
from pipeline.cli.options import INCOMPLETE, OutputOption, StoreOption, changing, now, reading, settings, show
from pipeline.cli.output import Output
from pipeline.cli.price_options import GpuHourOption, PricesOption
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.answers.answer import Answer, Value
    from pipeline.months.states import State


class Category(StrEnum):
    adjustment = "adjustment"
    credit = "credit"


class Said(StrEnum):
    accepted = "accepted"
    disputed = "disputed"
    settled = "settled"


TeamOption = Annotated[str, typer.Option("--team", metavar="TEAM", help="Whose statement.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it stands on the statement.")
]


def open_(ctx: typer.Context, store: StoreOption = None, output: OutputOption = Output.table) -> None:
    """Every month and its state: open, in its grace, due, or closed with its hash; and who disputes it."""
    from pipeline.months.book import disputed
    from pipeline.months.states import states

    limits = settings(ctx).closing
    with reading(ctx, store) as ledger:
        show(_months(states(ledger, limits, now()), disputed(ledger)), output)


def _months(found: list[State], disputed: dict[datetime, list[str]]) -> Answer:
    from pipeline.answers.answer import Answer, Column

    columns = (
        Column("month"), Column("state"), Column("grace_ends", kind="time"), Column("closed", kind="time"),
        Column("hash", kind="identity"), Column("snapshot", kind="integer"), Column("currency"),
        Column("disputed"), Column("price_book", wide=True), Column("rule", wide=True),
        Column("actor", wide=True), Column("previous", kind="identity", wide=True),
    )  # fmt: skip
    return Answer(columns, tuple(_row(s, disputed) for s in found), now(), None)


def _row(state: State, disputed: dict[datetime, list[str]]) -> tuple[Value, ...]:
    c = state.closing
    teams = ", ".join(disputed.get(state.month.start, ())) or None
    closed = (None,) * 9 if c is None else (
        c.time, c.hash, c.snapshot, c.currency, teams, c.price_book, c.rule, c.actor, c.previous
    )  # fmt: skip
    return f"{state.month.start:%Y-%m}", state.state, state.until, *closed


def close(
    ctx: typer.Context,
    month: MonthOption,
    store: StoreOption = None,
    prices: PricesOption = None,
    gpu_hour_price: GpuHourOption = None,
    currency: StatementCurrency = None,
    accept_gaps: Annotated[
        bool, typer.Option("--accept-gaps", help="Close it with its gaps, and say so on the statement.")
    ] = False,
    actor: ActorOption = None,
) -> None:
    """Close a month for good: in order, after its grace.  What comes later is a correction on a later month.

    What is to know before it is posted, such as teams without a ledger account, is told on stderr.  Exit
    codes: 6 it is refused, with the reason; 7 it is closed, and some of it has no price.
    """
    from pipeline.answers.cost_notes import told
    from pipeline.months.close import close
    from pipeline.months.closings import charged
    from reports.posting import posting
    from reports.statement import teams_of

    given, span = inputs(ctx, prices, gpu_hour_price, currency), month_of(month)
    with changing(ctx, store) as ledger:
        done = close(
            ledger, span, given, settings(ctx).closing, now(), program=program(), actor=who(actor),
            accept_gaps=accept_gaps,
        )  # fmt: skip
        charges = charged(ledger, done.month)
    typer.echo(f"{done.month:%Y-%m} is closed: {done.hash} at snapshot {done.snapshot}")
    for said in posting(teams_of(charges, done.currency, given.terms), done.currency):
        typer.echo(said, err=True)
    unpriced = {
        "GPU-hours": Decimal(sum(charge.hours[-1] for charge in charges)),
        "hours of CPUs, memory, volumes or load balancers": done.unpriced_other_hours,
    }
    missing = [f"{told(hours)} {what}" for what, hours in unpriced.items() if hours > 0]
    if missing:
        said = f"{' and '.join(missing)} of it have no price and are charged nothing"
        typer.echo(f"{said}; once the price book has one, the next month corrects it", err=True)
        raise typer.Exit(INCOMPLETE)


def program() -> str:
    """What closed a month."""
    from importlib.metadata import version

    return f"driftledger {version('driftledger')}"


def adjust(
    ctx: typer.Context,
    month: MonthOption,
    team: TeamOption,
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="Such as 12.50 or -12.50.")],
    reason: ReasonOption,
    category: Annotated[
        Category, typer.Option("--category", help="A credit is below zero.")
    ] = Category.adjustment,
    store: StoreOption = None,
    currency: StatementCurrency = None,
    actor: ActorOption = None,
) -> None:
    """Book an amount for a closed month; it is charged with the next month that is closed."""
    from pipeline.months.book import adjust as book

    code, start = currency_of(ctx, currency), month_of(month).start
    number = _amount(amount, code)
    with changing(ctx, store) as ledger:
        identity, is_new = book(ledger, start, team, number, code, category, reason, who(actor), now())
    if is_new:
        typer.echo(f"booked as {identity}")
    else:
        typer.echo(
            f"was booked before as {identity}, and is not booked again: another --reason is another booking"
        )


def reply(
    ctx: typer.Context,
    month: MonthOption,
    team: TeamOption,
    state: Annotated[Said, typer.Option("--state", help="What the team says.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "",
    store: StoreOption = None,
    actor: ActorOption = None,
) -> None:
    """What a team says to its statement of a closed month; all that was said is kept."""
    from pipeline.months.book import reply as say

    start = month_of(month).start
    with changing(ctx, store) as ledger:
        say(ledger, start, team, state.value, reason, who(actor), now())
    typer.echo(f"{month}, {team}: {state}")


def _amount(text: str, currency: str) -> Decimal:
    from pipeline.answers.money import minor_digits, to_cents

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) > 10**12 or amount != to_cents(amount, minor_digits(currency)):
        raise ConfigError("--amount", text, f"write an amount in {currency} such as -12.50")
    return amount
