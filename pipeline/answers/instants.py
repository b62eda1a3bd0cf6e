"""Instants as the cost questions count them: microseconds since 1970, and whole hours and days."""

from __future__ import annotations

from datetime import datetime, timedelta


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def from_micros(us: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=us)


def hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def day_of(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)
