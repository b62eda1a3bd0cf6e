"""What was bought by number: so many GPUs are paid for, used or not, and the rest costs what it costs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers import cost_days
from pipeline.answers.cost import cost
from pipeline.answers.prices_held import price_of
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.prices import PriceBook
from pipeline.prices.price import Price, Profile
from pipeline.settings.cost import CostRule, Method, Spread
from pipeline.store import Store
from tests.cost.test_cost_laws import plain_store
from tests.cost.test_node_resources import sums
from tests.cost_rows import Row, allocation, at, device
from tests.examples import examples

HOURS = 4
WINDOW = Window(at(0), at(HOURS))
L4 = (("gpu_model", "L4"),)


def book(bought: int, hour: str = "1.1", beyond: str | None = "3.3") -> PriceBook:
    """So many GPUs at `hour`, the others at `beyond`."""
    rows = [Price("prices[0]", L4, Decimal(hour), "USD", kind="commitment", bought_gpus=bought)]
    if beyond is not None:
        rows.append(Price("prices[1]", (("cluster", "c"),), Decimal(beyond), "USD"))
    return PriceBook("bought", tuple(rows))


quarters = st.integers(0, HOURS * 4).map(lambda n: at(n / 4))


@st.composite
def cards(draw: st.DrawFn) -> list[Row]:
    found = []
    for name in "abc":
        start, end = sorted((draw(quarters), draw(quarters)))
        if start < end:
            found.append(device(name, start, end, time=at(HOURS)))
    return found


@settings(max_examples=examples(2), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cards(),
    st.integers(1, 4),
    st.sampled_from([CostRule(), CostRule(Method.usage, Spread.weighted), CostRule(Method.datadog)]),
)
def test_all_that_was_bought_is_paid_and_what_runs_beyond_it(
    found: list[Row], bought: int, rule: CostRule
) -> None:
    """Each hour by itself, as a provider bills it: an idle hour of a reservation pays for no other."""
    known = device("known", at(0), at(HOURS), time=at(HOURS), gpu_model="NVIDIA T4")
    held = [allocation(card["device"], "p", card["start"], card["end"]) for card in found[:1]]
    expected = Decimal(0)
    for hour in range(HOURS):
        overlaps = [min(c["end"], at(hour + 1)) - max(c["start"], at(hour)) for c in found]
        ran = sum((Decimal(max(0, o.total_seconds())) / 3600 for o in overlaps), Decimal(0))
        expected += bought * Decimal("1.1") + max(Decimal(0), ran - bought) * Decimal("3.3")
    expected += HOURS * Decimal("3.3")
    with (
        TemporaryDirectory() as folder,
        plain_store(folder, devices=[known, *found], allocations=held) as store,
    ):
        whole = cost(store, WINDOW, ("device", "hour"), book(bought), rule=rule)
        assert sum(sums(whole).values()) == expected
        with patch.object(cost_days, "KEPT_FROM_ROWS", 0), patch.object(Store, "state", lambda _: None):
            for _ in range(2):
                assert cost(store, WINDOW, ("device", "hour"), book(bought), rule=rule) == whole
        if not rule.spreads:
            halves = [Window(at(0), at(1.4)), Window(at(1.4), at(HOURS))]
            parts = [sums(cost(store, half, ("device",), book(bought), rule=rule)) for half in halves]
            assert sum(part.get((), Decimal(0)) for part in parts) == expected


def test_a_reservation_of_two_covers_two_of_three_and_stands_idle_for_one(tmp_path: Path) -> None:
    """Three cards share two reserved ones for an hour; in the next one runs, and one is wasted."""
    devices = [device("a", at(0), at(2), time=at(2)), *(device(n, at(0), at(1), time=at(2)) for n in "bc")]
    held = [allocation("a", "a", at(0), at(2)), allocation("b", "b", at(0), at(1))]
    two_hours = Window(at(0), at(2))
    with plain_store(str(tmp_path), devices=devices, allocations=held) as store:
        by_pod = cost(store, two_hours, ("hour", "pod", "device"), book(2, "1", "4"))
        found = sums(by_pod, "hour", "pod", "device")
        assert sum(found.values()) == 8
        assert {key: round(amount, 8) for key, amount in found.items()} == {
            (at(0), "a", "a"): 2,
            (at(0), "b", "b"): 2,
            (at(0), "cluster_idle", "c"): 2,
            (at(1), "a", "a"): 1,
            (at(1), "cluster_idle", "commitment prices[0]"): 1,
        }
        total = by_pod.named()[-1]
        assert total["device"] == "commitment prices[0]" and total["unallocated_gpu_hours"] == 0
        unpriced = cost(store, two_hours, ("device",), book(2, "1", None))
        assert sum(sums(unpriced).values()) == 4, "what was bought is paid, though the rest has no price"
        assert any("3 GPU-hours have no price" in note for note in unpriced.notes)


def test_what_was_bought_later_stands_beside_what_was_bought_before(tmp_path: Path) -> None:
    """A second purchase of the same machine is no new price of the first."""
    (tmp_path / "book.yaml").write_text(
        """
version: x
prices:
  - {match: {gpu_model: L4}, commitment: {hour: 2, years: 1, gpu_count: 2, bought: 1}, valid_to: 2026-11-01}
  - match: {gpu_model: L4}
    commitment: {hour: 6, years: 1, gpu_count: 2, bought: 2}
    valid_from: 2026-10-05T01:00Z
  - {match: {gpu_model: L4}, gpu_hour: 9}
"""
    )
    prices = PriceBook.load(tmp_path / "book.yaml")
    devices = [device(name, at(0), at(2), time=at(2)) for name in "abcdefg"]
    with plain_store(str(tmp_path), devices=devices) as store:
        found = sums(cost(store, Window(at(0), at(2)), ("hour",), prices), "hour")
        assert found == {(at(0),): 2 * 1 + 5 * 9, (at(1),): 2 * 1 + 4 * 3 + 1 * 9}
    (tmp_path / "wrong.yaml").write_text(
        "version: x\nprices:\n"
        "  - {match: {cluster: c}, commitment: {hour: 2, years: 1, gpu_count: 1, bought: few}}\n"
    )
    with pytest.raises(ConfigError, match="how many instances were bought"):
        PriceBook.load(tmp_path / "wrong.yaml")


def test_explain_says_what_is_covered_and_what_the_next_gpu_costs() -> None:
    """Who asks what an H100 costs must not be told the price of the ones that are already bought."""
    found = price_of(book(2), Profile(cluster="c", gpu_model="NVIDIA L4"), at(0), "USD")
    verdicts = {row["row"]: row["verdict"] for row in found.named()}
    assert verdicts["prices[1]"] == "holds" and verdicts["prices[0]"].startswith("covers 2 GPUs")
    assert any("effective 3.3 USD" in note for note in found.notes)
    assert any("up to 2 GPUs of all that match cost 1.1 USD an hour" in note for note in found.notes)


def test_a_commitment_in_another_currency_needs_a_rate(tmp_path: Path) -> None:
    with (
        plain_store(str(tmp_path), devices=[device("a", at(0), at(1))]) as store,
        pytest.raises(ConfigError, match="add a rate from USD to EUR"),
    ):
        cost(store, Window(at(0), at(1)), ("device",), book(1), "EUR")
