"""Months closed while the world corrects itself: every hash holds, and in a restored backup too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.answers.window import Window, month
from pipeline.demo import history
from pipeline.embedded import Embedded
from pipeline.maintenance.run import run as maintain
from pipeline.months.charge import CORRECTION, USAGE, Charge
from pipeline.months.closings import charged, closings
from pipeline.months.verify import Snapshots, verify
from pipeline.settings.closing import ClosingSettings
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from reports import focus, statement_pdf
from reports.read import read
from reports.verify import verify_file
from tests.months.closing_year import LATE, backed_up, lived, written_to
from tests.months.months_scene import LIMITS, months

ZERO = Decimal(0)


def test_three_months_hold_after_a_backup_and_restore(tmp_path: Path) -> None:
    """What was sent to finance can be proved after the machine that made it is gone."""
    spans = [month(2026, number) for number in (1, 2, 3)]
    with months(tmp_path / "ledger", 3) as store:
        lived(store, spans, LIMITS, "blue")
        _corrected(store, spans, "blue")
        _restored(store, tmp_path)


@pytest.mark.soak
def test_a_year_of_the_demo_holds_after_a_backup_and_restore(tmp_path: Path) -> None:
    """Twelve months, from samples of every five minutes, rolled up and merged between the closes."""
    spans = [month(2025, number) for number in range(1, 13)]
    limits = ClosingSettings()
    with Store.open(tmp_path / "ledger") as store:
        start, end = (t.replace(tzinfo=UTC) for t in (spans[0].start, spans[-1].end))
        history.replay(Embedded(store), (), start, end, 7, lambda _: None)
        for first, last in ((0, 4), (4, 8), (8, 12)):
            lived(store, spans, limits, "research", range(first, last))
            maintain(store, spans[last - 1].end + timedelta(days=60), MaintenanceSettings())
        _corrected(store, spans, "research")
        page = _page(store, spans[-1], tmp_path)
        restored = _restored(store, tmp_path)
    with Store.open(restored) as again:
        assert verify_file(again, _at(restored), page).problems == ()


def _restored(store: Store, scratch: Path) -> Path:
    """The folder of a backup made while somebody writes, after the ledger's own was lost."""
    folder, hashes = store.location.folder, [c.hash for c in closings(store)]
    with written_to(store, closings(store)[-1].time):
        backed_up(folder, scratch / "backup")
    folder.rename(scratch / "lost")
    restored = (scratch / "backup").rename(scratch / "restored")
    with Store.open(restored) as again:
        found = verify(again, _at(restored))
    assert [(one.hash, one.problems) for one in found] == [(own, ()) for own in hashes]
    return restored


def _at(folder: Path) -> Snapshots:
    return lambda snapshot: Store.open(folder, snapshot=snapshot)


def _corrected(store: Store, spans: Sequence[Window], team: str) -> None:
    """Each month gives the pod that came late the hours before; the second rights all of the first."""
    own = [charged(store, span.start) for span in spans]
    assert [_currency(charges) for charges in own] == ["USD"] * (len(spans) - 1) + ["EUR"]
    for before, charges in zip(spans, own[1:], strict=False):
        back = [c for c in charges if c.kind == CORRECTION]
        assert {c.charge_month for c in back} == {before.start}
        assert {c.currency for c in back} == {"USD"}
        hours = sum((c.hours[0] for c in back if c.team == LATE), ZERO)
        assert hours > 0
    second = defaultdict(Decimal)
    for c in own[1]:
        if c.kind == CORRECTION:
            second[c.team] += c.amount or ZERO
    was = sum((c.amount or ZERO for c in own[0] if c.team == team), ZERO)
    assert second[team] == -was, "it goes to the other name"
    assert second["once"] > 0
    change = sum(second.values(), ZERO)
    whole = sum((c.amount or ZERO for c in own[0]), ZERO)
    assert abs(change - whole * (Decimal("3.25") / Decimal("3.5") - 1)) <= Decimal("0.02")


def _currency(charges: Sequence[Charge]) -> str:
    (code,) = {c.currency for c in charges if c.kind == USAGE}
    return code


def _page(store: Store, last: Window, scratch: Path) -> Path:
    """The last month's PDF; its FOCUS rows come to what is due in each of its currencies."""
    whole = read(store, _at(store.location.folder), last, closings(store)[-1].thawed())
    for code in ("USD", "EUR"):
        rows = [row for row in focus.rows(whole, "1.4") if row["BillingCurrency"] == code]
        assert sum(row["BilledCost"] for row in rows) == whole.due(code)
    page = scratch / "statement.pdf"
    page.write_bytes(statement_pdf.render(whole))
    return page
