"""What an action saved, in money: by the wrong answers it kept away, or by what its namespace cost less."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from detectors import accuracy
from pipeline.answers.served import traffic
from pipeline.answers.unit_price import rounded
from pipeline.answers.window import Window
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Saved:
    """Negative is dearer; `wrong_answers` is None where it is not by answers."""

    amount: Decimal | None
    currency: str
    wrong_answers: int | None = None


def saved(
    store: Store, month: Window, action: dict[str, Any], units: Iterable[dict[str, Any]], currency: str
) -> Saved | None:
    """None where nothing was measured, or it was told in a shape that is not known here.

    Of a ladder's step what was measured when it ended.  Of a rollback that helped the wrong answers that were
    not given, at the cost of a request: the fall of the error rate times the requests since.
    """
    told = _object(action["evidence"])
    if "saved" in told:
        return _of_step(told)
    fall = _fall(told)
    if fall is None or action["outcome"] != "helped":
        return None
    since = _minute(action["first"])
    if since >= month.end:
        return None
    version = (action["model"], action["to_version"])
    requests = sum(
        row["requests"]
        for row in traffic(store, Window(since, month.end))
        if (row["model"], row["model_version"]) == version
    )
    own = [u["cost_per_1k_requests"] for u in units if (u["model"], u["model_version"]) == version]
    each = next(iter(own), None)
    amount = None if each is None else rounded(Fraction(each) / 1000 * fall * requests)
    return Saved(amount, currency, int(fall * requests))


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_step(told: dict[str, Any]) -> Saved | None:
    try:
        amount = Decimal(str(told["saved"]))
    except InvalidOperation:
        return None
    currency = told.get("currency")
    return Saved(amount, currency) if amount.is_finite() and isinstance(currency, str) else None


def _fall(told: dict[str, Any]) -> Fraction | None:
    """Of the error rate, from the version that was left to the one returned to; one that is only faster has
    none.  Outcomes of before rules had several detectors name the two sides alone, and count `errors`."""
    compared = told.get("compared", [told])
    for one in compared if isinstance(compared, list) else []:
        if isinstance(one, dict) and one.get("detector", accuracy.NAME) == accuracy.NAME:
            before, after = (_rate(one.get(side)) for side in ("before", "after"))
            return None if before is None or after is None else before - after
    return None


def _rate(side: Any) -> Fraction | None:
    if not isinstance(side, dict):
        return None
    count, errors = side.get("count"), side.get("hits", side.get("errors"))
    if not isinstance(count, int) or not isinstance(errors, int):
        return None
    return Fraction(errors, count) if count else Fraction(0)


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
