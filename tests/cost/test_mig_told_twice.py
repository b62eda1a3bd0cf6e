"""One cluster of cards, whole, cut or shared, told by device plugins and by DRA: the same costs by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.live.allocation.mig_cards import cards as cards_of
from pipeline.answers.cost import cost
from pipeline.answers.cost_table import BUCKETS
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from tests.allocation import kube_shapes as k
from tests.allocation.test_allocation_cases import CLAIMS, SLICES, Scene, news
from tests.cost.test_cost_laws import plain_store
from tests.examples import examples

MODEL = "NVIDIA A100-SXM4-40GB"
PRICES = PriceBook("own", (Price("card", (("gpu_model", "A100-40GB"),), Decimal(7), "USD"),))
LAYOUTS = (
    ["1g.5gb"] * 7,
    ["3g.20gb", "2g.10gb"],
    ["3g.20gb", "4g.20gb"],
    ["3g.20gb", "3g.20gb"],
    ["2g.10gb"] * 3,
    ["1g.10gb"] * 4,
    ["1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"],
    ["7g.40gb"],
)
CARD, QUARTER = "card", "quarter"
"""Instead of a profile: a card that is not cut, and a fourth of one that four share."""
ROUNDED = Decimal("1e-7")
Slice = tuple[int, int, str]
"""Card, number on it, and profile."""


def by_plugin(cards: int, layout: Sequence[str], held: Sequence[bool], *, single: bool = False) -> Scene:
    scene, slices = Scene(), all_slices(cards, layout)
    resource = "nvidia.com/gpu" if single else "nvidia.com/mig-{}"
    capacity = {resource.format(p): str(layout.count(p) * cards) for p in layout}
    node = k.node(capacity=capacity)
    product = f"{MODEL.replace(' ', '-')}-MIG-{layout[0]}" if single else MODEL.replace(" ", "-")
    count, strategy = (len(slices), "single") if single else (cards, "mixed")
    node["metadata"]["labels"] = {
        "nvidia.com/gpu.product": product, "nvidia.com/gpu.count": str(count),
        "nvidia.com/mig.strategy": strategy,
    }  # fmt: skip
    node["metadata"]["creationTimestamp"] = "2026-07-02T10:00:00Z"
    pods = [
        news("pods", k.pod(name(one), limits={resource.format(one[2]): "1"}))
        for one, is_held in zip(slices, held, strict=True)
        if is_held
    ]
    scene(news("nodes", node), *pods)
    return scene


def by_dra(cards: int, layout: Sequence[str], held: Sequence[bool]) -> Scene:
    scene, slices = Scene(), all_slices(cards, layout)
    devices, claims = [], []
    for one, is_held in zip(slices, held, strict=True):
        attributes = {
            "type": "mig", "profile": one[2], "parentUUID": f"GPU-{one[0]}", "productName": MODEL,
            "uuid": f"MIG-{name(one)}",
        }  # fmt: skip
        devices.append(k.device(name(one), attributes=attributes))
        claims += [k.claim(f"c-{name(one)}", {"device": name(one)}, pods=(name(one),))] if is_held else []
    there = k.slice_(*devices)
    there["metadata"]["creationTimestamp"] = "2026-07-02T10:00:00Z"
    node = k.node()
    pods = [news("pods", k.pod(name(one))) for one, is_held in zip(slices, held, strict=True) if is_held]
    scene(news("nodes", node), news(SLICES, there), *pods, *(news(CLAIMS, c) for c in claims))
    return scene


def all_slices(cards: int, layout: Sequence[str]) -> list[Slice]:
    return [(card, i, profile) for card in range(cards) for i, profile in enumerate(layout)]


def name(one: Slice) -> str:
    return f"p{one[0]}-{one[1]}-{one[2].replace('.', '-')}"


def lines(scene: Scene) -> dict[str, list[Decimal]]:
    """Costs of each bucket by profile: which of equal slices bears what rounding leaves is open."""
    facts = {"devices": scene.devices.values(), "allocations": scene.rows.values()}
    found: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * (len(BUCKETS) + 1))
    with TemporaryDirectory() as folder, plain_store(folder, **facts) as store:
        for row in cost(store, None, ("pod",), PRICES).named():
            into = found[row["pod"].partition("-")[2].partition("-")[2]]
            for place, bucket in enumerate((*BUCKETS, "total")):
                into[place] += row.get(f"{bucket}_cost") or 0
    return dict(found)


def whole_by_plugin(cards: int, layout: Sequence[str], held: Sequence[bool]) -> Scene:
    scene, slices = Scene(), all_slices(cards, layout)
    node = k.node(capacity={"nvidia.com/gpu": str(len(slices))})
    node["metadata"]["labels"] = {
        "nvidia.com/gpu.product": MODEL.replace(" ", "-"), "nvidia.com/gpu.count": str(cards),
        "nvidia.com/gpu.replicas": str(len(layout)),
    }  # fmt: skip
    node["metadata"]["creationTimestamp"] = "2026-07-02T10:00:00Z"
    taken = [one for one, is_held in zip(slices, held, strict=True) if is_held]
    pods = [news("pods", k.pod(name(one), limits={"nvidia.com/gpu": "1"})) for one in taken]
    scene(news("nodes", node), *pods)
    return scene


def whole_by_dra(cards: int, layout: Sequence[str], held: Sequence[bool]) -> Scene:
    scene, slices = Scene(), all_slices(cards, layout)
    more = {"allowMultipleAllocations": True} if QUARTER in layout else {}
    attributes = {"productName": MODEL}
    there = k.slice_(
        *(k.device(f"gpu-{i}", memory="40Gi", attributes=attributes, **more) for i in range(cards))
    )
    there["metadata"]["creationTimestamp"] = "2026-07-02T10:00:00Z"
    taken = [one for one, is_held in zip(slices, held, strict=True) if is_held]
    claims = []
    for one in taken:
        part = {"shareID": f"s{one[1]}", "consumedCapacity": {"memory": "10Gi"}} if more else {}
        claims.append(k.claim(f"c-{name(one)}", {"device": f"gpu-{one[0]}", **part}, pods=(name(one),)))
    pods = [news("pods", k.pod(name(one))) for one in taken]
    scene(news("nodes", k.node()), news(SLICES, there), *pods, *(news(CLAIMS, c) for c in claims))
    return scene


@pytest.mark.parametrize(
    ("layout", "held"), [([CARD], [True, False]), ([QUARTER] * 4, [True] * 3 + [False] * 4 + [True])]
)
def test_a_whole_or_a_shared_card_by_device_plugin_or_by_dra_is_the_same_money(
    layout: list[str], held: list[bool]
) -> None:
    """A team that moves from one way of asking to the other must not see its bill move."""
    told = lines(whole_by_plugin(2, layout, held))
    assert told == lines(whole_by_dra(2, layout, held))
    span = Decimal(7201) / 3600
    assert abs(told[layout[0]][-1] - sum(held) * 7 * span / len(layout)) < ROUNDED
    assert abs(sum(costs[-1] for costs in told.values()) - 2 * 7 * span) < ROUNDED


@settings(max_examples=examples(3), deadline=None)
@given(st.sampled_from(LAYOUTS), st.integers(1, 3), st.data())
def test_by_device_plugin_or_by_dra_is_the_same_money(
    layout: list[str], cards: int, data: st.DataObject
) -> None:
    """A slice that a plugin gives was priced as a card of its own, and 3g with 4g as more than one."""
    some = st.lists(st.booleans(), min_size=len(layout), max_size=len(layout))
    held = data.draw(some) * cards  # a plugin does not tell which card a slice is cut from
    told = lines(by_plugin(cards, layout, held))
    assert told == lines(by_dra(cards, layout, held))
    if len(set(layout)) == 1:
        single = lines(by_plugin(cards, layout, held, single=True))
        assert single.keys() == told.keys()
        pairs = [p for k in told for p in zip(told[k], single[k], strict=True)]
        assert all(abs(a - b) < ROUNDED for a, b in pairs), "on other cards, so other billionths are left"
    total = sum(costs[-1] for costs in told.values())
    assert abs(total - cards * 7 * Decimal(7201) / 3600) < ROUNDED, "a card is paid once, and whole"


@pytest.mark.parametrize(
    ("slices", "known", "numbers"),
    [
        (["1g.5gb"] * 14, 0, [0] * 7 + [1] * 7),
        (["3g.20gb"] * 2 + ["2g.10gb"] * 2, 2, [0, 1, 0, 1]),
        (["1g.10gb"] * 5, 1, [0, 0, 0, 0, 1]),
        (["3g.20gb", "7g.40gb"], 0, [1, 0]),
    ],
)
def test_slices_are_cut_from_cards_that_hold_them(slices: list[str], known: int, numbers: list[int]) -> None:
    """Four slices with two of eight memory parts fill a card, whatever compute they leave."""
    places = [(f"{i:02}", profile) for i, profile in enumerate(slices)]
    assert list(dict(sorted(cards_of(places, known, MODEL).items())).values()) == numbers
