"""`driftledger replay-topic`: what Kafka still retains, into this ledger or a new one."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import INCOMPLETE, StoreOption, settings, writing

if TYPE_CHECKING:
    from pipeline.repair.topic import Replayed


def replay_topic(
    ctx: typer.Context,
    topics: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPIC]...", help="Such as driftledger.gpu; without: all.")
    ] = None,
    store: StoreOption = None,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="Another ledger, made where there is none.")
    ] = None,
) -> None:
    """Read what the broker retains and the ledger lacks; safe at any time, also while workers run.

    Exit codes: 0 done, 7 something was refused or is lost, 3 no such topic, 5 no broker.
    """
    from pipeline.repair.topic import known, replay

    wanted = known(topics or [])
    with (
        writing(ctx, into or store) as ledger,
        typer.progressbar(length=0, label="Offsets", file=sys.stderr) as bar,
    ):

        def told_length(offsets: int) -> None:
            bar.length = offsets

        result = replay(
            ledger, settings(ctx).kafka, wanted, letters=into is None,
            told_length=told_length, told_done=bar.update,
        )  # fmt: skip
    typer.echo(as_text(wanted, result))
    if not result.balanced:
        raise typer.Exit(1)
    if not result.complete:
        raise typer.Exit(INCOMPLETE)


def as_text(topics: list[str], result: Replayed) -> str:
    """A few lines: sums first, then every name with its count."""
    step = result.step
    lines = [
        ", ".join(topics),
        f"  read {result.read:,} messages = stored {step.stored:,} + refused {step.refused:,} "
        f"+ dead letters {step.letters:,} + in the ledger already {step.duplicates:,}",
    ]
    if result.before:
        lines.append(f"  not read, since the ledger has them by their offset: {result.before:,}")
    for title, counts in (
        ("events", step.events), ("refused, messages and rows", step.rejected),
        ("facts", step.facts), ("known to be lost", step.gaps),
    ):  # fmt: skip
        lines += _named(title, counts)
    if not result.balanced:
        lines.append("  THIS DOES NOT BALANCE: please report it")
    return "\n".join(lines)


def _named(title: str, counts: Counter[str]) -> list[str]:
    named = ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()) if n)
    return [f"  {title}: {named}"] if named else []
