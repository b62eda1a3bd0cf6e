"""What is kept of an earlier state holds for a later one exactly as far as nothing moved it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers import cost_basis, cost_days, cost_query, cost_since
from pipeline.answers.cost import cost
from pipeline.answers.recalled import Recalled
from pipeline.answers.window import Window
from pipeline.lake.parts import FOLDER
from pipeline.maintenance.rollup import roll
from pipeline.maintenance.shift import Shift
from pipeline.ownership.rules import Ownership
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Batch, Store
from tests.cost import test_cost_days as days
from tests.cost_rows import Row, allocation, at, minute, minutes, table
from tests.examples import examples

ALL = ("gpu_usage", "process_usage", "allocations", "devices", "gaps")
LAST = at(24 * days.DAYS)
MONTH = Window(at(0), LAST)
BOOK = PriceBook(
    "bought",
    (
        Price("bought", (("gpu_model", "L4"),), Decimal("1.1"), "USD", kind="commitment", bought_gpus=3),
        Price("early", (("cluster", "c"),), Decimal("2.000000007"), "USD", valid_to=at(30)),
        Price("late", (("cluster", "c"),), Decimal("3.3"), "USD", valid_from=at(30)),
    ),
)
MOVES = (
    *(f"CALL ducklake_flush_inlined_data('lake', table_name => '{name}')" for name in ALL),
    *(f"CALL ducklake_merge_adjacent_files('lake', '{name}')" for name in ALL),
    *(f"CALL ducklake_rewrite_data_files('lake', '{name}', delete_threshold => 0.01)" for name in ALL),
)
DELETES = ("DELETE FROM gpu_usage WHERE minute < TIMESTAMP '2026-10-05 00:05:00'", "roll")
Step = tuple[str, Row] | str


@pytest.fixture(autouse=True)
def every_day_is_kept() -> Iterator[None]:
    with patch.object(cost_days, "KEPT_FROM_ROWS", 0):
        yield


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    usage = [row for day in range(days.DAYS) for row in minutes("a", at(24 * day), at(24 * day + 1), 30)]
    facts = {
        "devices": days.INVENTORY,
        "allocations": [allocation("a", "p", at(0)), allocation("MIG-0", "q", at(3), at(40))],
        "gpu_usage": [*usage, minute("MIG-1", at(2), 30)],
    }
    with Store.open(folder, threads=1) as store:
        store.append(Batch({name: table(name, rows) for name, rows in facts.items()}))
    return folder


@pytest.fixture
def ledger(begun: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    with Store.open(tmp_path, threads=1) as store:
        yield store


def step(store: Store, *all_of: Step) -> None:
    for one in all_of:
        if one == "roll":
            shift = Shift(store, LAST + timedelta(days=1), MaintenanceSettings(rollup_days=1), "test")
            shift.turn.begin()
            roll(shift)
        elif isinstance(one, str):
            with store.transaction() as con:
                con.execute(one).fetchall()
        else:
            store.append(Batch({one[0]: table(one[0], [one[1]])}))


def found(store: Store, window: Window | None) -> tuple[list[Any], list[cost_days.Day]]:
    """How far each cluster is known, and the names of the days, by which all of them is kept."""
    with store.steady():
        told = cost_basis.recalled(store, window, BOOK, "USD", CostRule(), Ownership(), False)
        since = cost_since.of(store, told)
        seen = cost_query.seen(store) if since is None else since.seen
        span = window or cost_basis.extent(seen)
        basis = cost_basis.Basis(store, seen, span, BOOK, "USD", CostRule(), Ownership(), window, since)
        spans = cost_days._settled(seen, span)
        return sorted(seen.to_pylist(), key=str), cost_days._recalled(told, basis, spans, [])


def check(store: Store, window: Window | None = None) -> list[cost_days.Day]:
    """The days, after a question before it: they are what one finds that knows nothing of before."""
    kept = found(store, window)
    with patch.object(cost_since, "of", lambda *_: None), patch.object(Recalled, "keep"):
        assert found(store, window) == kept
    return kept[1]


def listed(hour: float, kind: str = "begins", detail: str = "pods") -> Step:
    time = at(hour)
    return "gaps", {"cluster": "c", "kind": kind, "start": time, "end": time, "lost": 0, "detail": detail}


@st.composite
def usual(draw: st.DrawFn) -> Step:
    """What a ledger goes on with: later than all that it has."""
    start = LAST + timedelta(minutes=draw(st.integers(0, 2_000)))
    return draw(
        st.sampled_from([("gpu_usage", minute("a", start, 30)), ("allocations", allocation("a", "r", start))])
    )


kinds = st.sampled_from(["begins", "scrape"]), st.sampled_from(["pods", "nodes"])
listings = st.builds(listed, st.integers(0, 48 * days.DAYS).map(float), *kinds)
steps = st.one_of(usual(), days.late, listings, st.sampled_from([*MOVES, *DELETES]))


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(steps, min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_is_kept_after_commits_is_what_would_be_found_anew(
    begun: Path, rounds: list[list[Step]]
) -> None:
    """A day that kept its name although a late fact is of it would be a wrong bill from then on."""
    with TemporaryDirectory() as folder:
        shutil.copytree(begun, folder, dirs_exist_ok=True)
        with Store.open(Path(folder), threads=1) as store:
            found(store, None)
            for some in rounds:
                step(store, *some)
                check(store)


def test_each_kind_of_late_fact_moves_the_days_that_it_is_of(ledger: Store) -> None:
    """A holder of before, a partition's, what a process did, a listing that closes what was open."""
    process = {
        "minute": at(10),
        "cluster": "c",
        "device": "a",
        "namespace": "ns",
        "pod": "p",
        "busy_seconds": 9,
        "observed_seconds": 9,
    }
    late: list[Step] = [
        ("allocations", allocation("a", "r", at(30), at(31))),
        ("process_usage", process),
        ("allocations", allocation("MIG-1", "s", at(70), share=(1, 3))),
        listed(60),
        ("allocations", allocation("b", "t", at(59))),  # told just before the listing: until then p was there
        ("devices", days.INVENTORY[0] | {"end": at(20), "revision": 2}),
    ]
    before = check(ledger, MONTH)
    for one in late:
        step(ledger, one)
        after = check(ledger, MONTH)
        assert after != before, one
        before = after


def test_a_cluster_that_is_known_further_holds_what_is_open_for_longer(ledger: Store) -> None:
    """Two clusters are not heard of at the same times: the days of the one that is behind are not over."""
    months = Window(at(0), at(24 * 9))
    step(ledger, ("gpu_usage", minute("a", at(24 * 7), 30) | {"cluster": "d"}))
    before = check(ledger, months)
    step(ledger, ("gpu_usage", minute("a", at(24 * 6.5), 30)))
    after = check(ledger, months)
    assert [old.name == new.name for old, new in zip(before, after, strict=True)] == [True] * 3 + [False] * 4


def test_a_first_fact_before_all_others_moves_what_was_bought(ledger: Store) -> None:
    """A commitment is paid from the first fact on: an older one moves the days since then."""
    early = Window(at(-24), LAST)
    before = check(ledger, early)
    step(ledger, ("gpu_usage", minute("a", at(-30), 30)))
    assert check(ledger, early) != before


def queries(store: Store) -> list[str]:
    """What a question of the month asks the ledger; its answer is what would be computed."""
    asked: list[str] = []
    query = Store.query

    def watched(store: Store, name: str, **given: Any) -> Any:
        asked.append(name)
        return query(store, name, **given)

    with patch.object(Store, "query", watched):
        answer = cost(store, MONTH, ("day", "pod"), BOOK)
    with patch.object(cost_days, "_settled", lambda _seen, _window: []):
        assert cost(store, MONTH, ("day", "pod"), BOOK) == answer
    return asked


def test_a_commit_leaves_the_days_that_it_does_not_speak_of(ledger: Store, tmp_path: Path) -> None:
    """Were a month read again for each minute that is told, each visit of a page would wait a second."""
    cost(ledger, MONTH, ("day", "pod"), BOOK)
    later = allocation("a", "later", LAST + timedelta(hours=1))
    step(ledger, ("gpu_usage", minute("a", LAST, 30)), listed(0, "scrape"), ("allocations", later))
    told = ["cost_since_listings", "cost_since_usage", "cost_since_holders"]
    assert queries(ledger) == [*told, "cost_conditions"]
    step(ledger, MOVES[0], MOVES[2])
    assert queries(ledger) == ["cost_conditions"], "the same rows in other files"
    before = set(tmp_path.glob(f"{FOLDER}/*/*.parquet"))
    step(ledger, ("gpu_usage", minute("a", at(30), 30)))
    assert "cost_days" in queries(ledger)
    assert len(set(tmp_path.glob(f"{FOLDER}/*/*.parquet")) - before) == 1, "the late fact's day"


def test_a_history_with_a_gap_is_looked_at_anew(ledger: Store, tmp_path: Path) -> None:
    """What a commit did that was let go meanwhile, nobody can say; nor what another ledger here did."""
    check(ledger, MONTH)
    state, late = ledger.state(), ledger.snapshot() + 1
    assert state is not None
    step(ledger, ("gpu_usage", minute("a", at(30), 30)), ("gpu_usage", minute("a", LAST, 30)))
    added = ledger.added(state, ALL)
    assert added is not None and (added.first, added.last, {*added.tables}) == (late, late + 1, {"gpu_usage"})
    assert ledger.added(state.replace("of 2", "of 3"), ALL) is None, "of another ledger"
    assert ledger.added(state, ("gpu_usage", "no_such_table")) is None
    with Store.open(tmp_path, snapshot=int(state.split()[0])) as then:
        assert then.added(ledger.state() or "", ALL) is None, "a state that comes after it"
    with ledger.transaction() as con:
        con.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{late}])")
    assert ledger.added(state, ALL) is None
    check(ledger, MONTH)


@pytest.mark.parametrize("one", DELETES)
def test_what_is_deleted_or_rolled_up_is_looked_at_anew(ledger: Store, one: str) -> None:
    """Rows that are gone are no rows that were added: their days are others, whatever came with them."""
    state = ledger.state()
    assert state is not None
    check(ledger)
    step(ledger, one)
    assert ledger.added(state, ALL) is None
    check(ledger)
