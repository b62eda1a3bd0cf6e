"""An instant that a user writes as an option's value."""

from __future__ import annotations

from datetime import datetime

import typer


def instant(text: str, option: str) -> datetime:
    """UTC, naive; a time without a zone is UTC.  Raises BadParameter, exit code 2, for anything else."""
    from pipeline.answers.window import naive_utc

    try:
        return naive_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        words = f"{text!r} is not ISO 8601, for example 2026-11-24T10:00:00Z"
        raise typer.BadParameter(words, param_hint=option) from error
