"""What people write about closed months: amounts they book, and what teams say to their statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

import pyarrow as pa

from pipeline.answers.cost_table import NOBODYS
from pipeline.errors import ConfigError, NotFound
from pipeline.facts.months import ADJUSTMENTS, REPLIES
from pipeline.months.closings import charged, closing
from pipeline.store import Batch, Store

CATEGORIES = ("adjustment", "credit")
ACCEPTED, DISPUTED, SETTLED = "accepted", "disputed", "settled"
AFTER = {"": (ACCEPTED, DISPUTED), DISPUTED: (SETTLED,), SETTLED: (ACCEPTED, DISPUTED), ACCEPTED: (DISPUTED,)}
"""What may follow what a team said last."""


def adjust(
    store: Store, month: datetime, team: str, amount: Decimal, currency: str, category: str, reason: str,
    actor: str, now: datetime,
) -> tuple[str, bool]:  # fmt: skip
    """Book an amount for the usage of a closed month; the next month that is closed charges it.

    Returns its identity, and whether it is new: the same booking made twice is one.  NotFound where the month
    is not closed (an open one needs no booking), or no closed month charges the team anything; ConfigError
    for an amount or a reason that cannot be booked.
    """
    closing(store, month)
    if not amount:
        raise ConfigError("--amount", f"{amount:f}", "an amount of nothing changes nothing")
    _known(store, team)
    if category == "credit" and amount >= 0:
        raise ConfigError("--amount", f"{amount:f}", "a credit is below zero")
    if not reason.strip():
        raise ConfigError("--reason", reason, "say why; it stands on the statement")
    said = f"{month}|{team}|{amount.normalize():f}|{currency}|{category}|{reason}"
    identity = sha256(said.encode()).hexdigest()[:16]
    if identity in store.rows(ADJUSTMENTS.name)["adjustment_id"].to_pylist():
        return identity, False
    row = {
        "adjustment_id": identity, "time": now, "charge_month": month, "team": team, "category": category,
        "currency": currency, "amount": amount, "reason": reason, "actor": actor,
    }  # fmt: skip
    store.append(Batch({ADJUSTMENTS.name: pa.Table.from_pylist([row], schema=ADJUSTMENTS.schema)}))
    return identity, True


def reply(
    store: Store, month: datetime, team: str, state: str, reason: str, actor: str, now: datetime
) -> None:
    """What the team says to its statement; it is kept with all that was said before.

    Raises NotFound where the month is not closed or charges the team nothing, ConfigError for a state that
    cannot follow the last one.
    """
    closed = closing(store, month)
    names = {c.team for c in charged(store, month)}
    if team not in names:
        raise NotFound(f"the statement of {month:%Y-%m} has no team {team!r}{_near(team, names)}")
    said = replies(store, month).get(team, [])
    last = str(said[-1]["state"]) if said else ""
    if state not in AFTER[last]:
        raise ConfigError("--state", state, f"after {last or 'no reply'} write {' or '.join(AFTER[last])}")
    if state == DISPUTED and not reason.strip():
        raise ConfigError("--reason", reason, "say what is disputed")
    row = {"month": month, "team": team, "time": now, "state": state, "reason": reason, "actor": actor}
    row["hash"] = closed.hash
    store.append(Batch({REPLIES.name: pa.Table.from_pylist([row], schema=REPLIES.schema)}))


def _known(store: Store, team: str) -> None:
    """A slip of the pen must not become a team that is charged."""
    names = set(store.query("charged_teams")["team"].to_pylist()) - set(NOBODYS)
    if team not in names:
        raise NotFound(f"no closed month charges a team {team!r}{_near(team, names)}")


def _near(team: str, names: Iterable[str]) -> str:
    found = get_close_matches(team, names, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def replies(store: Store, month: datetime) -> dict[str, list[dict[str, Any]]]:
    """All that teams said to the month's statements, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    rows = [row for row in store.rows(REPLIES.name).to_pylist() if row["month"] == month]
    for row in sorted(rows, key=lambda r: r["time"]):
        found.setdefault(row["team"], []).append(row)
    return found


def disputed(store: Store) -> dict[datetime, list[str]]:
    """The teams of each month that last said that their statement is wrong, by name."""
    last: dict[tuple[datetime, str], str] = {}
    for row in sorted(store.rows(REPLIES.name).to_pylist(), key=lambda r: r["time"]):
        last[row["month"], row["team"]] = row["state"]
    found: dict[datetime, list[str]] = {}
    for (month, team), state in sorted(last.items()):
        if state == "disputed":
            found.setdefault(month, []).append(team)
    return found
