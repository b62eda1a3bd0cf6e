"""Minutes that become hours change no answer over whole hours, lose nothing late, and survive a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from detectors.latency_objective import METRIC
from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.drift import drift
from pipeline.answers.models import models
from pipeline.answers.status import status
from pipeline.answers.timeline import timeline
from pipeline.answers.window import Window
from pipeline.errors import ConfigError, StaleWatermark
from pipeline.judge import judge
from pipeline.maintenance.rollup import roll
from pipeline.maintenance.run import run
from pipeline.maintenance.shift import Shift
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.load import load
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from tests.cost.test_cost_laws import INVENTORY, SPAN_HOURS, allocations, plain_store, samples
from tests.cost_rows import DAY, Row, at, minutes
from tests.examples import examples
from tests.lake.test_store import ROOT
from tests.ledger import START, Life, write

SETTINGS = MaintenanceSettings()
OLD = timedelta(days=SETTINGS.rollup_days + 2)
BOOK = PriceBook(
    "two prices",
    (
        Price("early", (("gpu_model", "L4"),), Decimal("2.000000007"), "USD", valid_to=at(2)),
        Price("late", (("gpu_model", "L4"),), Decimal("1.1"), "USD", valid_from=at(2)),
    ),
)


def rolled(store: Store, now: datetime) -> int:
    """Rows fewer after a roll-up at that time."""
    shift = Shift(store, now, SETTINGS, "test")
    shift.turn.begin()
    fewer, busy = roll(shift)
    assert busy == ""
    return fewer


def costs(store: Store) -> list[Answer]:
    """By all that a line can be about, over the whole and over single hours."""
    spans = [Window(at(0), at(SPAN_HOURS)), Window(at(1), at(3))]
    return [cost(store, span, ("pod", "device", "hour"), BOOK) for span in spans]


@settings(max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(allocations, samples)
def test_costs_of_whole_hours_are_the_same_to_the_last_digit(
    holders: tuple[Row, ...], usage: list[Row]
) -> None:
    """A statement that is printed again after a year must be the one that was paid."""
    usage = usage or minutes("a", at(0), at(1), 30)
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=INVENTORY, allocations=holders, gpu_usage=usage) as store,
    ):
        before = costs(store)
        rolled(store, DAY + OLD)
        assert [(a.rows, a.total, a.completeness) for a in costs(store)] == [
            (a.rows, a.total, a.completeness) for a in before
        ]


def test_hours_of_one_holder_become_one_row_and_others_keep_their_minutes(tmp_path: Path) -> None:
    """Ten thousand devices are half a billion minutes a month; but a shared hour must stay fair."""
    from tests.cost_rows import allocation, device

    facts = {
        "devices": [device("a", at(0), time=at(4))],
        "allocations": [
            allocation("a", "p", at(0), at(2.5), time=at(4)),
            allocation("a", "q", at(2.5), at(4), time=at(4)),
        ],
        "gpu_usage": [row | {"busy_seconds": n % 60} for n, row in enumerate(minutes("a", at(0), at(4), 0))],
    }  # fmt: skip
    with plain_store(str(tmp_path), **facts) as store:
        assert rolled(store, DAY + OLD) == 3 * 59
        assert store.rows("gpu_usage").num_rows == 3 + 60
        late = [{"minute": at(0.5), "cluster": "c", "node": "n", "device": "a", "busy_seconds": Decimal(7)}]
        busy = busy_hours(store)
        write(store, gpu_usage=late)
        assert abs(busy_hours(store) - busy - 7) < Decimal("0.01")
        assert rolled(store, DAY + OLD) == 0


def test_days_that_wait_are_rolled_up_together(tmp_path: Path) -> None:
    """A ledger filled with a year's history must not take a transaction a day; a shared hour stays fair."""
    from tests.cost_rows import allocation, device

    facts = {
        "devices": [device("a", at(0), time=at(75))],
        "allocations": [
            allocation("a", "p", at(0), at(25.5), time=at(75)),
            allocation("a", "q", at(25.5), None, time=at(75)),
        ],
        "gpu_usage": [
            row | {"busy_seconds": n % 60}
            for start in (0, 25, 73)
            for n, row in enumerate(minutes("a", at(start), at(start + 1), 0))
        ],
    }  # fmt: skip
    spans = [Window(at(n), at(n + 1)) for n in (0, 25, 73)]
    with plain_store(str(tmp_path), **facts) as store:
        before = [cost(store, span, ("pod", "hour"), BOOK).rows for span in spans]
        assert rolled(store, DAY + OLD + timedelta(days=4)) == 2 * 59
        assert [cost(store, span, ("pod", "hour"), BOOK).rows for span in spans] == before
        assert store.rows("gpu_usage").num_rows == 1 + 60 + 1


def busy_hours(store: Store) -> Any:
    """Busy seconds that the cost of the first hour rests on."""
    answer = cost(store, Window(at(0), at(1)), ("pod",), BOOK)
    names = [c.name for c in answer.columns]
    return round(sum(row[names.index("busy_gpu_hours")] for row in answer.rows) * 3_600, 3)


def life() -> Life:
    """A day of one model whose second version starts within an hour."""
    made = Life(3).serve("1", 7, 613, error=0.1, per_minute=3)
    return made.serve("2", 620, 400, error=0.3, per_minute=3, seconds=0.4)


def answers(store: Store) -> list[tuple[Any, ...]]:
    whole, part = Window(START, START + timedelta(days=1)), Window(at_hour(9), at_hour(14))
    found = [ask(store, span) for ask in (models, drift) for span in (whole, part)]
    found += [timeline(store, whole, 24), timeline(store, part, 5)]
    state = status(store, START + OLD)
    facts = [(*row[:3], *row[4:]) for row in state.rows]
    return [(a.rows, a.as_of) for a in found] + [(facts, state.as_of, state.completeness)]


def at_hour(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def journal(store: Store) -> list[Any]:
    asked = {"model": "fraud", "triggers": ["accuracy"], "detectors": ["accuracy"], "min_count": 1}
    asked |= {"metric": METRIC, "ends": [datetime(9999, 1, 1)]}
    return store.query("journal_served", **asked).to_pylist()


def test_models_drift_status_and_the_journal_are_the_same(tmp_path: Path) -> None:
    """A report of last spring, and the version to roll back to, must not depend on when one asks."""
    with Store.open(tmp_path) as store:
        write(store, **life().facts())
        good = '{"count": 9, "start": "2026-11-24T10:25:00Z", "end": "2026-11-24T11:00:00Z"}'
        verdict = {
            "detector": "accuracy",
            "model": "fraud",
            "model_version": "2",
            "level": "ok",
            "content": good,
        }
        write(store, findings=[{**verdict, "time": at_hour(12)}])
        before, served = answers(store), journal(store)
        assert served[1]["good_at"] == at_hour(11)
        assert rolled(store, START + OLD) > 4_000
        assert answers(store) == before and journal(store) == served
        fine = timeline(store, Window(START, START + timedelta(days=1)), 200)
        assert {row[0].minute for row in fine.rows} == {0}, (
            "steps shorter than what remains would be invented"
        )
        cut = models(store, Window(START + timedelta(minutes=30), at_hour(9)))
        assert any("only hours remain" in note for note in cut.notes)


def test_what_comes_late_is_added_whether_before_or_after(tmp_path: Path) -> None:
    """A cluster that was cut off for two months sends its events in the end."""
    early, late = life().facts(), Life(4).serve("1", 30, 90, error=0.2, per_minute=2).facts()
    late["predictions"], late["labels"] = [], []
    with Store.open(tmp_path / "a") as one, Store.open(tmp_path / "b") as two:
        write(one, **early)
        write(one, **late)
        write(two, **early)
        rolled(two, START + OLD)
        write(two, **late)
        rolled(one, START + OLD)
        for fact in ("prediction_sums", "latency_bins", "feature_bins"):
            assert by_hour(one, fact) == by_hour(two, fact)
        assert answers(one)[:4] == answers(two)[:4]


def by_hour(store: Store, fact: str) -> dict[Any, int]:
    rows = store.rows(fact)
    hours = pa.array([t.replace(minute=0) for t in rows["minute"].to_pylist()])
    keys = [n for n in rows.column_names if n not in ("minute", "count", "latency_seconds")]
    table_ = rows.select(keys).append_column("hour", hours).append_column("count", rows["count"])
    grouped = table_.group_by([*keys, "hour"]).aggregate([("count", "sum")]).to_pylist()
    return {tuple(v for k, v in row.items() if k != "count_sum"): row["count_sum"] for row in grouped}


_KILLED = """
import os, signal
from datetime import datetime
from pathlib import Path
from pipeline.lake import rolled
from pipeline.lake.location import Location
from pipeline.maintenance.rollup import roll
from pipeline.maintenance.shift import Shift
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
rolled.move = kill
store = Store.open(Location(Path({folder!r}), {catalog!r}, {data!r}))
shift = Shift(store, datetime.fromisoformat({now!r}), MaintenanceSettings(), "test")
shift.turn.begin()
roll(shift)
"""


def test_kill_9_amid_a_roll_up_changes_nothing(place):
    """Rows deleted but not yet written again would be gone."""
    with Store.open(place) as store:
        write(store, prediction_sums=life().prediction_sums)
        before = store.rows("prediction_sums")
    now = (START + OLD).isoformat()
    code = _KILLED.format(folder=str(place.folder), catalog=place.catalog, data=place.data, now=now)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(place) as store:
        assert store.rows("prediction_sums").equals(before)
        assert rolled(store, START + OLD) > 500


def test_what_writers_commit_during_a_roll_up_is_never_lost(place):
    """Late events come at any time, also in the half second in which their day is replaced."""
    commits = 20

    def work(number: int) -> None:
        with Store.open(place) as store:
            for n in range(commits):
                row = {"minute": START + timedelta(minutes=n), "model": f"late-{number}", "count": 1}
                while True:
                    try:
                        write(store, prediction_sums=[row] * 12)
                        break
                    except StaleWatermark:
                        continue

    with Store.open(place) as store, ThreadPoolExecutor(2) as pool:
        write(store, prediction_sums=life().prediction_sums)
        whole = sum(store.rows("prediction_sums")["count"].to_pylist())
        writers = [pool.submit(work, number) for number in range(2)]
        report = run(store, START + OLD, SETTINGS)
        assert [w.result() for w in writers] == [None, None]
        run(store, START + OLD, SETTINGS)
        assert report.steps[0].name == "roll up"
        assert sum(store.rows("prediction_sums")["count"].to_pylist()) == whole + 2 * commits * 12


def test_minutes_that_the_judge_reads_are_never_rolled_up(tmp_path: Path) -> None:
    """The evidence of a verdict is counted minute by minute."""
    with pytest.raises(ConfigError, match="maintenance.rollup_days"):
        load(flags=["maintenance.rollup_days=7"])
    with Store.open(tmp_path) as store:
        write(store, **life().facts())
        now = START + timedelta(days=SETTINGS.rollup_days)
        before = judge(store, START + timedelta(hours=17))
        assert rolled(store, now) == 0
        assert judge(store, START + timedelta(hours=17)) == before
