"""Month end by itself: what was missed is caught up with, in order and once, whatever kills the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.months.closings import charged, closings
from pipeline.months.states import states
from pipeline.settings.closing import ClosingSettings
from pipeline.settings.groups import Settings
from pipeline.store import Store
from reports.schedule import month_end, tick
from tests.months.months_scene import closed, months

NOW = datetime(2026, 3, 10)


def test_a_downtime_and_a_kill_leave_each_month_closed_and_delivered_once(tmp_path: Path) -> None:
    """Two months are due, of the second no GPU is left; the first process dies amid its first delivery."""
    ledger, share, targets = tmp_path / "ledger", tmp_path / "share", tmp_path / "targets.yaml"
    targets.write_text(f"targets:\n- {{name: share, kind: folder, path: '{share}'}}\n")
    with months(ledger, 1, teams=("red",)) as store, store.transaction() as con:
        con.execute("UPDATE devices SET \"end\" = '2026-02-01', time = '2026-03-02'")
        con.execute("UPDATE allocations SET \"end\" = '2026-02-01'")
    command = [
        sys.executable,
        "-m",
        "tests.months.month_end_child",
        str(ledger),
        str(targets),
        NOW.isoformat(),
    ]
    assert subprocess.run(command, timeout=300).returncode == -signal.SIGKILL
    assert [path.suffix for path in (share / "2026-01").iterdir()] == [".part"] * 4

    settings = Settings(closing=ClosingSettings(delivery=str(targets)))
    with Store.open(ledger) as store:

        def again(now: datetime) -> list[tuple[str, str]]:
            tick(store, lambda n: Store.open(ledger, snapshot=n), settings, now)
            rows = store.rows("deliveries").sort_by([("month", "ascending"), ("attempt", "ascending")])
            return [(f"{row['month']:%m}", row["state"]) for row in rows.to_pylist()]

        second = [("02", "sending"), ("02", "sent")]
        assert again(NOW) == [("01", "sending")], "the first holds the lease, and may still be at it"
        assert again(NOW + timedelta(minutes=16)) == [("01", "sending"), *second], "the first hand-over too"
        _aged(share / "2026-01")
        later = NOW + timedelta(hours=2)
        assert again(later) == [("01", "sending"), ("01", "sending"), ("01", "sent"), *second]
        assert len(again(later + timedelta(days=9))) == 5
        assert [c.month.month for c in closings(store)] == [1, 2]
        assert charged(store, datetime(2026, 2, 1)) == []
    for number in (1, 2):
        names = {path.name for path in (share / f"2026-0{number}").iterdir()}
        assert {f"statement-2026-0{number}.pdf", f"focus-1.4-2026-0{number}.csv"} <= names
        assert not {name for name in names if name.endswith(".part")}


def _aged(folder: Path) -> None:
    """What lies there has lain there for a day."""
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_mtime - 86_400,) * 2)


class Watching:
    """A watch for one turn; keeps what it is told."""

    def __init__(self) -> None:
        self.left, self.said = 1, ""

    def wait(self, seconds: float) -> bool:
        self.left -= 1
        return self.left < 0

    def now(self) -> int:
        return int(NOW.replace(tzinfo=UTC).timestamp() * 1e6)

    def waits(self, part: str, reason: str) -> None:
        raise AssertionError("who takes events is ready, whatever month end lacks")

    def goes_on(self, *parts: str) -> None: ...

    def notes(self, part: str, reason: str) -> None:
        self.said = f"{part}: {reason}"


def test_a_file_that_is_being_edited_is_waited_for(tmp_path: Path) -> None:
    """The collectors of the same process must not end for a comma in the list of targets."""
    targets = tmp_path / "targets.yaml"
    targets.write_text("targets: [{name: share, path: share}]")
    settings = Settings(closing=ClosingSettings(delivery=str(targets), schedule_seconds=60))
    Store.open(tmp_path / "ledger").close()
    job = month_end(settings, tmp_path / "ledger")
    targets.write_text("targets: [{name: x")
    watch = Watching()
    with pytest.raises(ConfigError, match="closing.currency: 'usd'"):
        month_end(Settings(closing=ClosingSettings(currency="usd")), tmp_path / "ledger")
    job(watch)
    assert watch.said.startswith("month end: ") and "write valid YAML" in watch.said


def test_a_month_that_cannot_be_closed_holds_up_no_delivery(tmp_path: Path) -> None:
    """February has a gap, or the price book a comma too many: January's bill goes out all the same."""
    targets, share, prices = tmp_path / "targets.yaml", tmp_path / "share", tmp_path / "prices.yaml"
    targets.write_text(f"targets: [{{name: share, kind: folder, path: '{share}'}}]")
    place = tmp_path / "ledger"
    with months(place, 2, teams=("red",)) as store:
        closed(store, 1)
        with store.transaction() as con:
            con.execute("DELETE FROM gpu_usage WHERE minute >= '2026-02-20'")
        for named, words in (("", "c said nothing from 2026-02-20"), (str(prices), "write valid YAML")):
            prices.write_text("prices: [")
            settings = Settings(closing=ClosingSettings(delivery=str(targets), prices=named))
            (said,) = tick(store, lambda n: Store.open(place, snapshot=n), settings, NOW)
            assert words in said
    assert [path.name for path in share.iterdir()] == ["2026-01"]


def test_a_ledger_in_which_nobody_says_anything_any_more_has_months_that_are_due(tmp_path: Path) -> None:
    """All collectors died in January: nobody would miss February's bill, which never comes."""
    now, gone = datetime(2026, 4, 10), ClosingSettings(silent="c=2026-03-01")
    with months(tmp_path, 1, teams=("red",)) as store:
        for limits, shown in ((ClosingSettings(), [1, 2, 3]), (gone, [1, 2])):
            assert [one.month.start.month for one in states(store, limits, now)] == shown
