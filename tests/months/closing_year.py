"""A ledger lived through: each month is closed, and then some of it turns out to have been otherwise."""

from __future__ import annotations

import itertools
import re
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pipeline.answers.window import Window
from pipeline.months.close import close
from pipeline.months.inputs import Inputs
from pipeline.ownership.file import parse as owners
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Batch, Store
from tests.cost_rows import allocation, table

DOCUMENTED = Path(__file__).parents[2] / "docs" / "storage.md"
LATE = "late"
"""The team of whoever held a card in a month, and is only known of when it is closed."""


def lived(
    store: Store, spans: Sequence[Window], limits: ClosingSettings, team: str, numbers: Iterable[int] = ()
) -> None:
    """Close each month ten days after it; after each a pod turns up that had held a card for ten hours.

    After the first, its price was wrong and `team` had another name.  The last is in another currency.
    """
    for number in numbers or range(len(spans)):
        span = spans[number]
        now = span.end + timedelta(days=10)
        given = inputs(spans, number, team)
        close(store, span, given, limits, now, program="driftledger test", actor="kim")
        _late(store, span)


def inputs(spans: Sequence[Window], number: int, team: str) -> Inputs:
    """What was known when that month was closed."""
    first, last = spans[0], spans[-1]
    usual = Price("usual", (), Decimal("3.333333333"), "USD", valid_from=first.end)
    before = Price("before", (), Decimal("3.25" if number else "3.5"), "USD", valid_to=first.end)
    euro = Price("euro", (), Decimal("3.1"), "EUR", valid_from=last.start)
    book = PriceBook(f"book-{min(number, 1)}", (usual, before, euro))
    if not number:
        return Inputs(book)
    rule = f"{{match: {{team: {team}}}, team: once, valid_to: {first.end:%Y-%m-%dT%H:%M:%SZ}}}"
    currency = "EUR" if spans[number] == last else "USD"
    return Inputs(book, currency, owners=owners(f"version: r\nrules:\n- {rule}"))


def _late(store: Store, span: Window) -> None:
    """On the ledger's first card, of its own cluster."""
    card = store.rows("devices").to_pylist()[0]
    start = span.start + timedelta(days=4)
    row = allocation(
        card["device"], f"late-{span.start:%m}", start, start + timedelta(hours=10), team=LATE,
        workload="Job/late", cluster=card["cluster"],
    )  # fmt: skip
    store.append(Batch({"allocations": table("allocations", [row])}))


def backed_up(ledger: Path, to: Path) -> None:
    """As docs/storage.md says, word for word."""
    (block,) = re.findall(r"```\n(mkdir .*?)```", DOCUMENTED.read_text(encoding="utf-8"), re.S)
    script = block.replace("BACKUP", str(to)).replace("LEDGER", str(ledger))
    subprocess.run(["bash", "-eu", "-c", script], check=True, timeout=600)


@contextmanager
def written_to(store: Store, at: datetime) -> Iterator[None]:
    """Somebody commits all the while, from before on: pods on a card of another cluster since `at`."""
    begun, told = threading.Event(), threading.Event()

    def write() -> None:
        for number in itertools.count():
            row = allocation("x", f"w{number}", at, None, cluster="x")
            store.append(Batch({"allocations": table("allocations", [row])}))
            begun.set()
            if told.is_set():
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        told.set()
        thread.join()
