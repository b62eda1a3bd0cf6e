"""Kept days: an answer that is added up from them is the one that is computed, also after late facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers import cost_days
from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.lake.parts import FOLDER, Parts
from pipeline.prices import PriceBook
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Batch, Store
from tests.cost.test_cost_laws import BOOK, plain_store
from tests.cost_rows import Row, allocation, at, device, minute, minutes, table
from tests.examples import examples

DAYS = 3
END = at(24 * DAYS)
STATE = Store.state
WINDOW = Window(at(0), END)
INVENTORY = [
    device("a", at(0), time=END),
    device("b", at(30), at(50), time=END),
    *(device(f"MIG-{i}", at(0), parent_device="g", mig_profile="3g.20gb", time=END) for i in range(2)),
    device("n/cpu", at(0), resource="cpu", quantity=64_000, time=END, gpu_model=""),
]
RULES = [CostRule(), CostRule(Method.usage, Spread.weighted, Spread.even), CostRule(Method.datadog)]
CARDS = ["a", "b", "MIG-0", "MIG-1", "n/cpu", "unlisted", "late"]

times = st.integers(0, DAYS * 24 * 60).map(lambda m: at(0) + timedelta(minutes=m))


@st.composite
def held(draw: st.DrawFn) -> Row:
    start, end = sorted((draw(times), draw(times)))
    share = draw(st.sampled_from([(1, 1), (1, 3), (9984, 40320)]))
    name = draw(st.sampled_from(CARDS))
    return allocation(name, f"p{draw(st.integers(0, 99))}", start, draw(st.sampled_from([None, end])), share)


@st.composite
def seen(draw: st.DrawFn) -> Row:
    time = at(0) + timedelta(minutes=draw(st.integers(0, DAYS * 24 * 60 - 1)))
    return minute(draw(st.sampled_from([*CARDS, "g"])), time, draw(st.integers(0, 60)), 60)


@st.composite
def listed(draw: st.DrawFn) -> Row:
    name = draw(st.sampled_from(["a", "unlisted", "late", "MIG-0"]))
    more = {"parent_device": "g", "mig_profile": "2g.10gb"} if name == "MIG-0" else {}
    health = draw(st.sampled_from(["healthy", "unhealthy"]))
    return device(name, draw(times), time=END, health=health, **more)


@st.composite
def worked(draw: st.DrawFn) -> Row:
    minutes = draw(st.integers(0, DAYS * 24 * 60 - 1))
    where = {"cluster": "c", "device": draw(st.sampled_from(CARDS)), "namespace": "ns"}
    did = {"pod": f"p{draw(st.integers(0, 99))}", "busy_seconds": 30, "observed_seconds": 60}
    return {"minute": at(0) + timedelta(minutes=minutes), **where, **did}


late = st.one_of(
    held().map(lambda row: ("allocations", row)),
    seen().map(lambda row: ("gpu_usage", row)),
    listed().map(lambda row: ("devices", row)),
    worked().map(lambda row: ("process_usage", row)),
)


@pytest.fixture(autouse=True)
def every_day_is_kept() -> Iterator[None]:
    with (
        patch.object(cost_days, "KEPT_FROM_ROWS", 0),
        patch.object(Store, "state", rows_so_far),
        patch.object(Store, "added", lambda *_: None),
    ):
        yield


def rows_so_far(store: Store) -> str:
    """What stands for a lake's snapshot in a ledger without a lake, which cannot say what was added since."""
    return str(
        [store.rows(fact).num_rows for fact in ("devices", "allocations", "gpu_usage", "process_usage")]
    )


def asked(store: Store, by: tuple[str, ...], rule: CostRule, window: Window = WINDOW) -> Answer:
    return cost(store, window, by, BOOK, rule=rule)


def computed(store: Store, by: tuple[str, ...], rule: CostRule, window: Window = WINDOW) -> Answer:
    with patch.object(cost_days, "_settled", lambda _seen, _window: []):
        return asked(store, by, rule, window)


def kept(folder: str | Path) -> set[str]:
    return {path.name for path in (Path(folder) / FOLDER).glob("*/*.parquet")}


@settings(
    max_examples=examples(3),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(held(), max_size=6),
    st.lists(seen(), max_size=8),
    st.lists(late, min_size=1, max_size=2),
    st.sampled_from(RULES),
    st.sampled_from([("device", "pod"), ("day", "team"), ("bucket",), ("hour", "resource", "bucket")]),
)
def test_kept_days_answer_as_if_nothing_were_kept(
    holders: list[Row], usage: list[Row], more: list[tuple[str, Row]], rule: CostRule, by: tuple[str, ...]
) -> None:
    """A day that is answered after a late fact as if that had never come would be a wrong bill."""
    facts = {"devices": INVENTORY, "allocations": holders, "gpu_usage": usage}
    with TemporaryDirectory() as folder, plain_store(folder, **facts) as store:
        asked(store, by, rule)
        for fact, row in more:
            store.append(Batch({fact: table(fact, [row])}))
            assert asked(store, by, rule) == computed(store, by, rule)
            assert asked(store, by, rule) == computed(store, by, rule), "read back"


def ledger(folder: Path) -> Store:
    holders = [allocation("a", "p", at(0)) | {"time": END}]
    usage = [row for day in range(DAYS) for row in minutes("a", at(24 * day + 1), at(24 * day + 2), 30)]
    return plain_store(str(folder), devices=INVENTORY, allocations=holders, gpu_usage=usage)


def test_what_processes_did_that_is_told_late_splits_its_day_anew(tmp_path: Path) -> None:
    """A split that was kept from before would go on to say that both sharers worked alike."""
    held = [allocation("a", pod, at(0), share=(1, 2)) | {"time": END} for pod in ("p", "q")]
    seen = minutes("a", at(25), at(26), 30)
    told = {
        "minute": at(25),
        "cluster": "c",
        "device": "a",
        "namespace": "ns",
        "pod": "p",
        "busy_seconds": 60,
        "observed_seconds": 60,
    }
    with plain_store(str(tmp_path), devices=INVENTORY, allocations=held, gpu_usage=seen) as store:
        before = asked(store, ("pod",), CostRule())
        store.append(Batch({"process_usage": table("process_usage", [told])}))
        after = asked(store, ("pod",), CostRule())
        assert after == computed(store, ("pod",), CostRule()) and after != before


def test_a_late_fact_is_computed_for_its_day_alone(tmp_path: Path) -> None:
    """Were all days computed again for one late minute, no question would ever be quick."""
    with ledger(tmp_path) as store:
        asked(store, ("team",), CostRule())
        before = kept(tmp_path)
        assert len(before) == DAYS
        store.append(Batch({"gpu_usage": table("gpu_usage", [minute("a", at(30), 60, 60)])}))
        for by in (("team",), ("device", "day")):
            assert asked(store, by, CostRule()) == computed(store, by, CostRule())
        assert len(kept(tmp_path) - before) == 1
        held_on = allocation("a", "p", at(0)) | {"time": at(24 * DAYS + 5), "revision": 2}
        store.append(Batch({"allocations": table("allocations", [held_on])}))
        assert asked(store, ("team",), CostRule()) == computed(store, ("team",), CostRule())
        assert len(kept(tmp_path) - before) == 1, "what is open grows at its end"


def test_a_window_takes_its_whole_days_from_what_is_kept(tmp_path: Path) -> None:
    """Parts of a day at both ends are computed; one currency's days never answer for another's prices."""
    part = Window(at(1.5), at(24 * DAYS - 3))
    with ledger(tmp_path) as store:
        assert asked(store, ("pod",), CostRule(), part) == computed(store, ("pod",), CostRule(), part)
        assert len(kept(tmp_path)) == 3, "whole hours of a day's part too"
        month = Window(at(0), at(24 * (DAYS + 3)))  # which is not over, so that its last days are empty
        by = ("model", "device", "pod")
        assert asked(store, by, CostRule(), month) == computed(store, by, CostRule(), month)
        assert len(kept(tmp_path)) == 2 + DAYS
        rule = CostRule(idle=Spread.even)
        assert asked(store, ("pod",), rule) == computed(store, ("pod",), rule)
        assert len(kept(tmp_path)) == 2 + 2 * DAYS


def test_an_unchanged_ledger_is_not_looked_through_again(tmp_path: Path) -> None:
    """A month's pages ask ten questions of one snapshot: only the first may read who held what."""
    with ledger(tmp_path) as store:
        asked(store, ("team",), CostRule())
        queries: list[str] = []
        query = Store.query

        def watched(store: Store, name: str, **given: Any) -> pa.Table:
            queries.append(name)
            return query(store, name, **given)

        with patch.object(Store, "query", watched):
            assert asked(store, ("device",), CostRule()).total
        assert set(queries) == {"cost_conditions"}
        for changed in (CostRule(Method.usage), CostRule(shared_namespaces="n*")):
            assert asked(store, ("pod",), changed) == computed(store, ("pod",), changed)
        dearer = PriceBook.flat(Decimal(7), "USD")
        assert cost(store, WINDOW, ("pod",), dearer) != cost(store, WINDOW, ("pod",), BOOK)


def test_windows_that_end_now_leave_no_file_a_minute(tmp_path: Path) -> None:
    """A page of budgets asks each minute for all until then: 14 days of that would be 20,000 files."""
    early, late = (replace(WINDOW, end=WINDOW.end - timedelta(minutes=n)) for n in (125, 1))
    with ledger(tmp_path) as store:
        right = {window: computed(store, ("pod",), CostRule(), window) for window in (early, late)}
        for window in (early, late, early):
            assert asked(store, ("pod",), CostRule(), window) == right[window]
        assert len(list((tmp_path / FOLDER).glob("*/*.json"))) == 1


def test_what_a_transaction_has_not_committed_is_never_recalled(tmp_path: Path) -> None:
    """An answer amid a write that fails would else be what everybody is told from then on."""
    late = table("gpu_usage", [minute("a", at(30), 60, 60)])
    with patch.object(Store, "state", STATE), Store.open(tmp_path) as store:
        store.append(Batch({"devices": table("devices", INVENTORY), "gpu_usage": late}))
        before = store.state()
        assert before is not None and before == store.state()
        with store.transaction():
            assert store.state() is None
        store.append(Batch({"gpu_usage": late}))
        assert store.state() not in (None, before)
        with Store.open(tmp_path, snapshot=int(before.split()[0])) as then:
            assert then.state() == before


def test_what_cannot_be_kept_or_read_is_computed(tmp_path: Path) -> None:
    """A read-only disk, a torn file or a full one costs time and never an answer."""
    with ledger(tmp_path) as store:
        (tmp_path / FOLDER).write_text("no folder")
        assert asked(store, ("pod",), CostRule()) == computed(store, ("pod",), CostRule())
        (tmp_path / FOLDER).unlink()
        asked(store, ("pod",), CostRule())
        for path in (tmp_path / FOLDER).glob("*/*.parquet"):
            path.write_bytes(path.read_bytes()[:100])
        assert asked(store, ("pod",), CostRule()) == computed(store, ("pod",), CostRule())
        parts = Parts.of(store.location)
        assert parts.forget(0.0) == 0
        assert parts.forget(9e9) == DAYS + 1, "and what was noted of them"
        assert not kept(tmp_path)
        full = Parts(tmp_path / FOLDER, min_free_bytes=10**18)
        full.write("ab", table("devices", INVENTORY))
        assert not kept(tmp_path)


def test_a_day_of_many_rows_is_computed_by_hours(tmp_path: Path) -> None:
    """A ledger of 50,000 containers would else take the memory of all hours of a day at once."""
    by, rows = ("device", "hour", "pod"), 40  # of the 60 of a day
    with ledger(tmp_path) as store, patch.object(cost_days, "CHUNK_ROWS", rows):
        assert asked(store, by, CostRule()) == computed(store, by, CostRule())
        assert asked(store, by, CostRule()) == computed(store, by, CostRule()), "read back"
