"""`python -m tests.months.pictures`: the pictures in docs/ of a statement and the page of months.

Of the demo, which acts out its incident in the last hour of October, so that the month has an action; then
August to October are closed with terms, budgets, a credit, and a pod of September that came late.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

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
from reports.delivery import deliver
from reports.read import read
from reports.statement import Statement
from reports.targets import Folder
from reports.team import of_team
from tests.conftest import CHROMIUM_FLAGS
from tests.cost_rows import allocation, table

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
PIXELS_PER_INCH = 100
PATIENCE_MS = 180_000
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
        folder = Path(scratch) / "ledger"
        whole = october(folder)
        _handed_over(folder, Path(scratch) / "share")
        made = [*pictures(whole), ("month-end-page.png", _small(_page_of_months(folder)))]
    for name, picture in made:
        (DOCS / name).write_bytes(picture)
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


def _handed_over(folder: Path, share: Path) -> None:
    """A dispute that was settled, one that was not, and a folder for all and one for a team."""
    october, now = datetime(2026, 10, 1), datetime(2026, 11, 6, 9)
    said = (
        ("clinic", "disputed", "triage-chat ended on the 20th"),
        ("clinic", "settled", "it ended on the 31st"),
        ("research", "disputed", "the notebook is not ours"),
    )
    with Store.open(folder) as store:
        for hour, (team, state, reason) in enumerate(said):
            at = now + timedelta(hours=hour)
            book.reply(store, october, team, state, reason, "finance" if state == "settled" else team, at)
        to = (Folder("share", share / "all"), Folder("post", share / "post", "post"))
        deliver(store, lambda n: Store.open(folder, snapshot=n), to, lambda: now, since=october)


def _page_of_months(folder: Path) -> bytes:
    """As it is served, with the files and the check that were asked for."""
    command = [sys.executable, "-m", "pipeline.cli", "dashboard", "--store", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as play:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found is not None
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport={"width": 1240, "height": 2300})
            page.goto(f"{found[0]}/months?month=2026-10")
            for button, shown in (
                ("Make the files", "ledger-2026-10.csv"),
                ("Compute it again", "It is as it"),
            ):
                page.get_by_role("button", name=button).click(timeout=PATIENCE_MS)
                expect(page.get_by_text(shown).first).to_be_visible(timeout=PATIENCE_MS)
            return page.screenshot()
        finally:
            server.terminate()


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
