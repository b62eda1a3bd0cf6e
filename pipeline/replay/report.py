"""The account of a replay in words and as JSON, and its progress on a terminal."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline.replay.kinds import Watch
from pipeline.replay.outcome import Outcome


def as_text(kind: str, outcome: Outcome) -> str:
    """A few lines for one file; sums first, then every name with its count."""
    excluded, rejected = outcome.excluded.total(), outcome.rejected.total()
    sums = f"read {outcome.read:,} = used {outcome.used:,} + excluded {excluded:,} + rejected {rejected:,}"
    names = _printable(", ".join(outcome.files))
    lines = [f"{kind} {names}", f"  {sums}", *_named("excluded", outcome.excluded)]
    lines += _named("rejected", outcome.rejected)
    lines += _named("events", outcome.taken)
    lines += _named("refused by the ledger", outcome.refused)
    lines += _named("refused before", outcome.refused_before)
    if outcome.refused.total() + outcome.refused_before.total():
        lines.append("    each with its row and what is wrong with it: driftledger rejected list")
    lines += _named("facts", outcome.facts)
    if outcome.lost:
        lines.append(f"  lost before they were written: {outcome.lost:,}")
    if outcome.already:
        lines.append(f"  already in the ledger: all {outcome.duplicates:,}")
    elif outcome.duplicates:
        lines.append(f"  already in the ledger: {outcome.duplicates:,}")
    if not outcome.balanced:
        lines.append("  THIS DOES NOT BALANCE: please report it with the file")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """An archive may name its members with terminal commands."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _named(title: str, counts: Counter[str]) -> list[str]:
    if not counts.total():
        return []
    return [f"  {title}: " + ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()) if n)]


def as_json(kind: str, outcomes: Sequence[Outcome]) -> str:
    return json.dumps([_object(kind, o) for o in outcomes], indent=2)


def _object(kind: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": kind,
        "files": list(outcome.files),
        "read": outcome.read,
        "used": outcome.used,
        "excluded": dict(sorted(outcome.excluded.items())),
        "rejected": dict(sorted(outcome.rejected.items())),
        "lost": outcome.lost,
        "events": dict(sorted(outcome.taken.items())),
        "refused": dict(sorted(outcome.refused.items())),
        "duplicates": outcome.duplicates,
        "refused_before": dict(sorted(outcome.refused_before.items())),
        "facts": dict(sorted(outcome.facts.items())),
        "balanced": outcome.balanced,
        "already_in_the_ledger": outcome.already,
    }


@contextmanager
def progress() -> Iterator[Watch]:
    """A bar on standard error where that is a terminal; otherwise nothing."""
    if not sys.stderr.isatty():
        yield lambda _name, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
