"""`python -m tests.months.pictures`: the statement's pictures in docs/, of October of the demo.

The demo acts out its incident in the last hour of October, so that the month has an action; then August
to October are closed with terms, budgets, a credit, and a pod of September that came late.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from PIL import Image

from pipeline.answers.window import month
from pipeline.budgets import parse as budgets
from pipeline.demo.run import run
from pipeline.demo.story import Story
from pipeline.months import book
from pipeline.months.close import close
from pipeline.months.closings import closing
from pipeline.months.inputs import Inputs
from pipeline.months.terms import parse as terms
from pipeline.prices import PriceBook
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Batch, Store
from reports import statement_pdf
from reports.read import read
from reports.statement import Statement
from reports.team import of_team
from tests.cost_rows import allocation, table

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
PIXELS_PER_INCH = 100
TERMS = """
version: fy26
usual: {tax_percent: 19}
teams:
  research: {markup_percent: 2.5, gl_code: "6100-12", cost_centre: CC-100}
  clinic: {gl_code: "6100-30", cost_centre: CC-300}
  post: {mode: showback, tax_percent: 0}
"""
BUDGETS = """
budgets:
- {name: research a month, match: {team: research}, amount: 6000, currency: USD}
- {name: clinic a month, match: {team: clinic}, amount: 1000, currency: USD}
- {name: all a quarter, amount: 40000, currency: USD, period: quarter}
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="driftledger-pictures-") as scratch:
        whole = october(Path(scratch) / "ledger")
    for name, page in pictures(whole):
        (DOCS / name).write_bytes(page)
        print(DOCS / name)


def october(folder: Path) -> Statement:
    """The closed month of a demo of 90 days that ends with it."""
    story = Story(lambda said: print(said, file=sys.stderr), lambda _: None)
    run(folder, NOW, seed=7, days=90, told=story.told())
    with Store.open(folder) as store:
        given = Inputs(PriceBook.bundled(), terms=terms(TERMS), budgets=budgets(BUDGETS))
        for number in (8, 9, 10):
            span = month(2026, number)
            if number == 10:
                _happened(store)
            close(
                store, span, given, ClosingSettings(), span.end + timedelta(days=4), program="driftledger",
                actor="finance",
            )  # fmt: skip
        return read(
            store, lambda n: Store.open(folder, snapshot=n), month(2026, 10),
            closing(store, datetime(2026, 10, 1)).thawed(),
        )  # fmt: skip


def _happened(store: Store) -> None:
    """What came of September after it was closed: a credit for a team, and a pod that nobody had told of."""
    september, told = datetime(2026, 9, 1), datetime(2026, 10, 20)
    reason = "a node was down for a day"
    book.adjust(store, september, "research", Decimal("-120.50"), "USD", "credit", reason, "finance", told)
    began = datetime(2026, 9, 14, 8)
    late = allocation(
        "GPU-a100-mig-0", "recalibrate-0", began, began + timedelta(hours=50), (2, 7), cluster="demo",
        team="clinic", namespace="clinic", workload="Job/recalibrate", mode="mig",
    )  # fmt: skip
    store.append(Batch({"allocations": table("allocations", [late])}))


def pictures(whole: Statement) -> Iterator[tuple[str, bytes]]:
    """(file's name, PNG) of each page of all teams, and of the first page of one."""
    for number, page in enumerate(_pages(whole), 1):
        yield f"month-end-{number}.png", page
    yield "month-end-team.png", _pages(of_team(whole, "research"))[0]


def _pages(of: Statement) -> list[bytes]:
    made = statement_pdf.compiled(of, format="png", ppi=PIXELS_PER_INCH)
    return [_small(page) for page in ([made] if isinstance(made, bytes) else made)]


def _small(page: bytes) -> bytes:
    """In 64 colours: a fifth of the bytes in every checkout."""
    out = BytesIO()
    Image.open(BytesIO(page)).convert("RGB").quantize(64).save(out, "png", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
