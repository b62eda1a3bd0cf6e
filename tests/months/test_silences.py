"""A month is refused for whatever was expected and said nothing, however long ago it was last heard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.window import Window, month
from pipeline.errors import ConfigError
from pipeline.months.expected import silent
from pipeline.months.gaps import gaps
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.closing import ClosingSettings
from pipeline.store import Batch, Store
from tests.cost_rows import Row, allocation, device, table

MARCH = month(2026, 3)
LONG_AGO, APRIL = datetime(2019, 5, 1), datetime(2026, 4, 3)
BOOK = PriceBook(
    "v",
    (
        Price("a", (), Decimal(2), "USD"),
        Price("b", (("cluster", "priced"),), Decimal(2), "USD", valid_from=datetime(2026, 3, 10)),
        Price("c", (("cluster", "sold"),), Decimal(2), "USD", valid_to=datetime(2026, 3, 1)),
        Price("d", (("cluster", "ended"),), Decimal(2), "USD"),
    ),
)
SILENT = "retired=2026-03-10, tpu-*=2020-01-01,ok/win-*=2020-01-01"
LIMITS = ClosingSettings(clusters="ok, listed,", silent=SILENT)


def day(number: int, of: int = 3) -> datetime:
    return datetime(2026, of, number)


def heard(con: Any, cluster: str, start: datetime, end: datetime, node: str = "n") -> None:
    """Every hour of [start, end), rolled up; a minute that came late lies within each."""
    con.execute(
        "INSERT INTO gpu_usage BY NAME SELECT $cluster AS cluster, $node AS node, 'g' AS device, "
        "1 AS samples, $start::TIMESTAMP + to_minutes((h * 60 + late * 5)::INTEGER) AS minute, "
        "if(late = 1, 1, 60) AS span_minutes "
        "FROM range($hours) AS t(h), range(2) AS l(late)",
        {"start": start, "cluster": cluster, "node": node, "hours": int((end - start) / timedelta(hours=1))},
    )


def charged(con: Any, cluster: str) -> None:
    """By the closed January."""
    row = {"month": day(1, 1), "cluster": cluster}
    con.execute("INSERT INTO charges BY NAME SELECT $month AS month, $cluster AS cluster", row)


def there(
    cluster: str, start: datetime = LONG_AGO, end: datetime | None = None, node: str = "n", **more: Any
) -> Row:
    return device(f"{node}-{start}", start, end, cluster=cluster, node=node, **{"time": APRIL, **more})


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """January and February are closed; the name of each cluster and node says what became of it."""
    always = ("ok", "dead", "mute", "back", "joined", "retired", "tpu-1")
    devices = [
        *(there(name) for name in always),
        there("ended", end=day(10, 2)), there("left", end=day(20)),
        there("nightly", end=day(5)), there("nightly", day(8)),
        there("cpu", resource="cpu"),
        *(there("ok", node=node) for node in ("node-dead", "win-1")),
        there("ok", day(4), node="node-never"),
        there("ok", end=day(6), node="node-gone"),
        there("ok", end=day(5), node="node-twice"), there("ok", day(25), node="node-twice"),
    ]  # fmt: skip
    held = [
        allocation("g", "p", LONG_AGO, None, cluster="held", time=APRIL),
        allocation("n/cpu", "p", LONG_AGO, None, cluster="cpu", time=APRIL),
        allocation("volume/v", "p", LONG_AGO, None, cluster="cpu", time=APRIL),
    ]
    with Store.open(tmp_path_factory.mktemp("silences")) as store:
        store.append(Batch({"devices": table("devices", devices), "allocations": table("allocations", held)}))
        with store.transaction() as con:
            for name in ("ok", "dead", "bare", "ended", "back", "retired", "left"):
                heard(con, name, day(1, 1), day(2, 1))
                charged(con, name)
            charged(con, "cpu")
            con.execute("INSERT INTO closings BY NAME SELECT $t AS month", {"t": day(1, 2)})
            heard(con, "ok", day(1), APRIL)
            heard(con, "back", day(15), APRIL)
            heard(con, "joined", day(12), APRIL)
            heard(con, "left", day(1), day(20))
            heard(con, "nightly", day(1), day(5))
            heard(con, "nightly", day(8), APRIL)
            heard(con, "ok", day(1), day(6), "node-gone")
            heard(con, "ok", day(1), day(5), "node-twice")
            heard(con, "ok", day(25), APRIL, "node-twice")
            for source, detail, cluster, start, hours in (
                ("allocation", "pods", "ok", day(7), 3), ("allocation", "resourceclaims", "ok", day(7), 3),
                ("allocation", "pods", "ok", day(9), 0.5), ("allocation", "services", "ok", day(10), 3),
                ("allocation", "pods", "retired", day(11), 3), ("hubble/n", "", "ok", day(12), 3),
                ("driftledger.allocation/0", "", "", day(13), 0), ("driftledger.gpu/0", "", "", day(14), 0),
            ):  # fmt: skip
                row = {"s": source, "d": detail, "c": cluster, "a": start}
                row["b"] = start + timedelta(hours=hours)
                con.execute(
                    "INSERT INTO gaps BY NAME SELECT $s AS source, $d AS detail, $c AS cluster, $a AS start, "
                    '$b AS "end", 3 AS lost',
                    row,
                )
            for number in (2, 20):
                heard(con, "ok", day(number), day(number + 1), "node-unlisted")
        yield store


Stretch = tuple[datetime, datetime]


def found(store: Store, span: Window, limits: ClosingSettings, book: PriceBook) -> dict[str, Stretch]:
    every = gaps(store, span, limits, book)
    of = {gap.node or gap.cluster: (gap.start, gap.end) for gap in every}
    assert len(of) == len(every), "each is named once"
    return of


def test_what_was_expected_and_said_nothing_is_named(ledger: Store) -> None:
    """A cluster whose collectors died in January costs as much in March, and its bill would just be missing.

    Not named: who told that its devices are gone, is new, has no GPU, or is said to be silent.
    """
    whole = (MARCH.start, MARCH.end)
    assert found(ledger, MARCH, LIMITS, BOOK) == {
        "dead": whole, "mute": whole, "bare": whole, "held": whole, "listed": whole,
        "priced": (day(10), MARCH.end), "retired": (MARCH.start, day(10)), "back": (MARCH.start, day(15)),
        "ok": (day(7), datetime(2026, 3, 7, 3)), "driftledger.allocation/0": (day(13), day(13)),
        "node-dead": whole, "node-never": (day(4), MARCH.end), "node-unlisted": (day(3), day(20)),
    }  # fmt: skip


def test_a_ledgers_first_month_begins_with_its_first_word(tmp_path: Path) -> None:
    """Who installs it on the 12th must not be asked for what nodes of 2019 did before."""
    with Store.open(tmp_path) as store:
        rows = [there("ok"), there("late"), there("mute"), there("ok", node="m"), there("ok", node="never")]
        store.append(Batch({"devices": table("devices", rows)}))
        with store.transaction() as con:
            heard(con, "ok", day(12, 1), day(1, 2))
            heard(con, "ok", day(16, 1), day(1, 2), "m")
            heard(con, "late", day(20, 1), day(1, 2))
        end = day(1, 2)
        flat = PriceBook.flat(Decimal(2), "USD")
        assert found(store, month(2026, 1), ClosingSettings(), flat) == {
            "mute": (day(12, 1), end), "never": (day(12, 1), end),
        }  # fmt: skip


@pytest.mark.parametrize("text", ["eu-1", "eu-1=soon", "=2026-01-01", "a=2026-01-01,b"])
def test_a_silence_that_is_written_wrongly_says_how(text: str) -> None:
    with pytest.raises(ConfigError, match=r"closing\.silent.*CLUSTER=DATE"):
        silent(ClosingSettings(silent=text))
