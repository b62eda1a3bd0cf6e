"""A disk that fills, or a kill, at any write of a close: the month is closed or open, and nothing between."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from shutil import copytree

import pytest

from pipeline.answers.window import month
from pipeline.errors import StoreUnavailable
from pipeline.months import close as closing_module
from pipeline.months.closings import charged, closings
from pipeline.months.draft import Draft, draft
from pipeline.months.inputs import Inputs
from pipeline.months.verify import kept
from pipeline.store import Store
from reports.parcel import Parcel
from reports.targets import Folder
from tests.full_disk import FRAME, SHARED, files_end_at
from tests.months.months_scene import FIRST, THIRD, closed, months


def wide(made: Draft) -> Draft:
    """With so many charges, and so much said of each, that they have a file of their own, of some 36 KB."""
    one, said = made.charges[0], Random(1)
    more = (
        replace(one, key=(*one.key[:8], f"x{number}", one.key[9]), detail=said.randbytes(700).hex())
        for number in range(20)
    )
    return replace(made, charges=tuple(sorted((*made.charges, *more), key=lambda c: c.order)))


def state(store: Store) -> tuple[int, int]:
    """Closed months and their charges, of which each is as its hash says."""
    assert [one.problems for one in kept(store)] == [()] * len(closings(store))
    assert store.query("chain_head")["head"][0].as_py() == "".join(c.hash for c in closings(store))
    return len(closings(store)), store.rows("charges").num_rows


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Draft]:
    """A ledger with a month to close, and what that month charges."""
    folder = tmp_path_factory.mktemp("ready") / "ledger"
    with months(folder, 1, teams=("red",)) as store:
        return folder, draft(store, month(2026, 1), Inputs(THIRD))


def test_a_disk_that_fills_amid_a_close_leaves_the_month_open(
    ready: tuple[Path, Draft], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whichever write: a month with half of its charges would be mended by hand, or billed so."""
    made, said = wide(ready[1]), ""
    monkeypatch.setattr(closing_module, "draft", lambda *_: made)
    monkeypatch.setattr(closing_module, "gaps", lambda *_: [])
    with Store.open(copytree(ready[0], tmp_path / "ledger"), threads=1) as store:
        for end in (0, *range(SHARED, 20 * FRAME, FRAME)):
            try:
                with files_end_at(end):
                    closed(store, 1)
                break
            except StoreUnavailable as error:
                said += str(error)
                assert error.exit_code == 5 and "is the disk full? Free some space" in str(error)
                assert state(store) == (0, 0)
        assert all(words in said for words in ("snapshot", "data/main/charges", '"COMMIT"')), "at each step"
        assert state(store) == (1, len(made.charges))
        assert charged(store, FIRST) == list(made.charges)


def test_a_close_that_is_killed_at_any_point_leaves_the_month_open_or_closed(
    ready: tuple[Path, Draft], tmp_path: Path
) -> None:
    """A host that loses its power amid a commit must not leave charges without a closing, or the reverse."""
    ledger, made = copytree(ready[0], tmp_path / "ledger"), tmp_path / "draft"
    made.write_bytes(pickle.dumps(ready[1]))
    command = [sys.executable, "-m", "tests.months.closing_child", str(ledger), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert {said for _, said in found[:-1]} == {"0 0 []"}
    assert found[-1][1] == f"1 {len(ready[1].charges)} []", "the last died after its commit"
    died = [int(number) for number, _ in found[1:-1]]
    assert died[:3] == [signal.SIGKILL] * 3 and set(died[3:]) == {signal.SIGXFSZ}, "at each point and write"


def test_a_folder_that_fills_keeps_what_was_handed_over_before(tmp_path: Path) -> None:
    """There is room for the first file, and not for the second."""
    target, folder = Folder("share", tmp_path), tmp_path / "2026-01"
    old, new = (
        Parcel("2026-01", {"a.pdf": text, "b.pdf": text * 50_000}, lambda _: None) for text in (b"o", b"new")
    )
    target.hand(old, "")
    with files_end_at(99_999), pytest.raises(OSError, match="File too large"):
        target.hand(new, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == old.files
    target.hand(new, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == new.files
