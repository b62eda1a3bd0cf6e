"""Where a second of a GPU lands, and who pays for the seconds that nobody used: cases counted by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.answers import version_cost
from pipeline.answers.cost import cost
from pipeline.answers.cost_table import BUCKETS
from pipeline.answers.unit_costs import unit_costs
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.predict.present import costs_now
from pipeline.settings.cost import CostRule, Method, Spread
from tests.cost.test_cost import SEVEN_DOLLARS, by, dollars
from tests.cost_rows import Row, allocation, at, device, ledger, minutes

HOUR = Window(at(0), at(1))
A100 = "NVIDIA A100-SXM4-40GB"


def slices(*profiles: str, **more: object) -> list[Row]:
    """Partitions of one card, which the inventory lists too."""
    card = device("GPU", at(0), at(1), gpu_model=A100)
    parts = [
        device(f"MIG-{i}", at(0), at(1), parent_device="GPU", mig_profile=profile, gpu_model=A100, **more)
        for i, profile in enumerate(profiles)
    ]
    return [card, *parts]


def buckets(folder: Path, devices: list[Row], *held: Row, rule: CostRule = CostRule()) -> dict[str, Decimal]:  # noqa: B008
    with ledger(folder, devices=devices, allocations=held) as store:
        found = by(cost(store, HOUR, ("bucket",), SEVEN_DOLLARS, rule=rule), "total_cost")
        return {name: amount.quantize(Decimal("0.0001")) for name, (amount,) in found.items()}


def test_what_a_cut_card_has_left_is_stranded(tmp_path: Path) -> None:
    """3g.20gb is half a card for its memory and 2g.10gb two sevenths: 3/14 of it nobody can ask for."""
    held = allocation("MIG-0", "a", at(0), at(1))
    found = buckets(tmp_path, slices("3g.20gb", "2g.10gb"), held)
    assert found == {
        "workload_idle": Decimal("3.5"), "cluster_idle": Decimal(2), "stranded": Decimal("1.5"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("profiles", "stranded"),
    [
        (["1g.5gb"] * 7, 0),
        (["1g.10gb"] * 4, 0),
        (["3g.20gb", "4g.20gb"], 0),
        (["1g.5gb"] * 6, 1),
        (["7g.40gb"], 0),
    ],
)
def test_partitions_that_fill_their_card_leave_nothing(
    tmp_path: Path, profiles: list[str], stranded: int
) -> None:
    """Seven small slices, or a half and four sevenths, are one card and not more: its price, paid once."""
    held = [allocation(f"MIG-{i}", f"p{i}", at(0), at(1)) for i in range(len(profiles))]
    found = buckets(tmp_path, slices(*profiles), *held)
    assert found == {"workload_idle": Decimal(7 - stranded)} | ({"stranded": Decimal(1)} if stranded else {})


def test_partitions_of_more_than_their_card_are_no_contradiction(tmp_path: Path) -> None:
    """3g with 4g take all of the compute and all of the memory; their shares are scaled without a warning."""
    held = [allocation(f"MIG-{i}", f"p{i}", at(0), at(1)) for i in range(2)]
    with ledger(tmp_path, devices=slices("3g.20gb", "4g.20gb"), allocations=held) as store:
        answer = cost(store, HOUR, ("pod",), SEVEN_DOLLARS)
        assert not any("more than a device" in note for note in answer.notes)
        assert sum(amount for (amount,) in by(answer, "total_cost").values()) == Decimal(7)


def test_a_card_that_cannot_be_allocated_is_unhealthy_until_it_can(tmp_path: Path) -> None:
    """A broken card is no argument that the team's cluster is too large; who still holds it pays on."""
    cards = [
        device("a", at(0), at(0.5), health="unhealthy"),
        device("a", at(0.5), at(1)),
        device("b", at(0), at(1), health="unschedulable"),
    ]
    found = buckets(tmp_path, cards, allocation("b", "x", at(0.75), at(1)))
    assert found == {
        "workload_idle": Decimal("1.75"), "cluster_idle": Decimal("3.5"), "unhealthy": Decimal("8.75"),
    }  # fmt: skip


def test_an_unhealthy_partition_is_its_part_of_the_card(tmp_path: Path) -> None:
    devices = slices(*["1g.5gb"] * 6) + [
        device(
            "MIG-6",
            at(0),
            at(1),
            parent_device="GPU",
            mig_profile="1g.5gb",
            gpu_model=A100,
            health="unhealthy",
        )
    ]
    found = buckets(tmp_path, devices, allocation("MIG-0", "a", at(0), at(1)))
    assert found == {"workload_idle": Decimal(1), "cluster_idle": Decimal(5), "unhealthy": Decimal(1)}


@pytest.mark.parametrize(("seen", "said"), [("GPU", True), ("MIG-0", False)])
def test_use_of_partitions_that_were_not_seen_apart_is_said_to_be_shared_out(
    tmp_path: Path, seen: str, said: bool
) -> None:
    """A card's one counter says nothing of which of its partitions worked."""
    held = [allocation(f"MIG-{i}", f"p{i}", at(0), at(1)) for i in range(2)]
    facts = {"devices": slices("3g.20gb", "3g.20gb"), "allocations": held}
    with ledger(tmp_path, **facts, gpu_usage=minutes(seen, at(0), at(1), 30)) as store:
        answer = cost(store, HOUR, ("pod",), SEVEN_DOLLARS)
        (total,) = {
            sum(hours) for hours in zip(*by(answer, "device_duplicated_gpu_hours").values(), strict=True)
        }
        assert total == (1 if said else 0)
        assert any("device-duplicated" in note for note in answer.notes) is said


def test_what_serves_all_is_shared_overhead(tmp_path: Path) -> None:
    """A monitor's GPU is nobody's workload, whichever namespace of the list it runs in."""
    held = allocation("a", "x", at(0), at(1), namespace="nvidia-dra", team="")
    with ledger(tmp_path, devices=[device("a", at(0), at(1))], allocations=[held]) as store:
        answer = cost(store, HOUR, ("team",), SEVEN_DOLLARS)
        assert by(answer, "shared_cost", "workload_idle_cost", "total_cost") == {
            "shared": dollars("7", "0", "7")
        }


def test_a_namespace_called_as_a_bucket_is_told_apart_from_it(tmp_path: Path) -> None:
    """Such names are valid in Kubernetes: what they hold would be in the line of nobody's cards."""
    names = {"namespace": "cluster_idle", "workload": "Job/x", "model": "stranded", "container": "unhealthy"}
    cards = [device(name, at(0), at(1)) for name in "ab"]
    held = [allocation("a", "stranded", at(0), at(1), **names)]
    with ledger(tmp_path, devices=cards, allocations=held) as store:
        found = by(cost(store, HOUR, ("namespace",), SEVEN_DOLLARS), "workload_idle_cost", "total_cost")
        assert found == {"cluster_idle (namespace)": dollars("7", "7"), "cluster_idle": dollars("0", "7")}
        rows = cost(store, HOUR, ("model", "container", "pod"), SEVEN_DOLLARS).rows
        assert sorted(row[:3] for row in rows) == [
            ("cluster_idle",) * 3, ("stranded (model)", "unhealthy (container)", "stranded (pod)"),
        ]  # fmt: skip
        # who asks for what it is called finds it, and not the time of nobody
        span = (HOUR.start, HOUR.end, SEVEN_DOLLARS, "USD")
        assert version_cost.of_namespace(store, "c", "cluster_idle", *span) == 7
        assert version_cost.of_version(store, "stranded", "none", *span) == 7
        costs, _ = costs_now(store, SEVEN_DOLLARS, "USD", CostRule())
        assert costs["cluster_idle", "Job/x"] == 7 * 730
        (served,) = unit_costs(store, HOUR, (), SEVEN_DOLLARS).named()
        assert (served["model"], served["cost"]) == ("stranded", 7)


def scene(folder: Path) -> tuple[list[Row], list[Row], list[Row]]:
    """Five cards for an hour: team-a has two, one of them at half of its work; team-b has one at full work;
    one is shared, and one is free."""
    cards = [device(name, at(0), at(1)) for name in "abcde"]
    held = [
        allocation("a", "a1", at(0), at(1)),
        allocation("b", "a2", at(0), at(1)),
        allocation("c", "b1", at(0), at(1)),
        allocation("d", "s", at(0), at(1), namespace="kube-system", team=""),
    ]
    return cards, held, [*minutes("a", at(0), at(1), 30), *minutes("c", at(0), at(1), 60)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (CostRule(), {"a": "14", "b": "7", "shared": "7", "cluster_idle": "7"}),
        (
            CostRule(idle=Spread.weighted),
            {"a": "18.666666667", "b": "9.333333333", "shared": "7", "cluster_idle": "0"},
        ),
        (
            CostRule(idle=Spread.even, shared=Spread.weighted),
            {"a": "23.333333334", "b": "11.666666666", "shared": "0", "cluster_idle": "0"},
        ),
        # 10.5 dollars held without work: a worked 3.5 and b 7, so b pays two thirds of them and of all else.
        (CostRule(Method.usage), {"a": "7", "b": "14", "shared": "7", "cluster_idle": "7"}),
        (
            CostRule(Method.usage, Spread.weighted),
            {"a": "9.333333333", "b": "18.666666667", "shared": "7", "cluster_idle": "0"},
        ),
    ],
    ids=lambda value: value.id if isinstance(value, CostRule) else "",
)
def test_who_pays_for_what_nobody_used(tmp_path: Path, rule: CostRule, expected: dict[str, str]) -> None:
    """The rule says who, on the line of the payer and in the bucket where it arose; the sum stays."""
    cards, held, usage = scene(tmp_path)
    with ledger(tmp_path, devices=cards, allocations=held, gpu_usage=usage) as store:
        answer = cost(store, HOUR, ("team",), SEVEN_DOLLARS, rule=rule)
        named = {team.removeprefix("team-"): amount for team, (amount,) in by(answer, "total_cost").items()}
        assert named == {team: Decimal(amount) for team, amount in expected.items()}
        assert {rule_id for (rule_id,) in by(answer, "rule").values()} == {rule.id}
        columns = [f"{bucket}_cost" for bucket in BUCKETS]
        for *parts, total in by(answer, *columns, "total_cost").values():
            assert sum(parts) == total


def test_evenly_is_by_pod_however_many_devices_it_holds(tmp_path: Path) -> None:
    """A pod with two cards paid twice as much of the idle card as one with one: that is by weight.

    The shared card likewise: evenly 3.5 each, by weight two thirds of it are the big pod's.
    """
    cards = [device(name, at(0), at(1)) for name in "abcde"]
    held = [allocation(name, "big", at(0), at(1), team="big") for name in "ab"]
    held.append(allocation("c", "small", at(0), at(1), team="small"))
    held.append(allocation("d", "s", at(0), at(1), namespace="kube-system", team=""))
    with ledger(tmp_path, devices=cards, allocations=held) as store:
        answer = cost(store, HOUR, ("team",), SEVEN_DOLLARS, rule=CostRule(idle=Spread.even))
        assert by(answer, "cluster_idle_cost", "shared_cost", "total_cost") == {
            "big": dollars("3.5", "0", "17.5"),
            "small": dollars("3.5", "0", "10.5"),
            "shared": dollars("0", "7", "7"),
            "cluster_idle": dollars("0", "0", "0"),
        }
        for rule, big, small in (("even", "3.5", "3.5"), ("weighted", "4.666666667", "2.333333333")):
            answer = cost(store, HOUR, ("team",), SEVEN_DOLLARS, rule=CostRule(shared=Spread(rule)))
            paid = by(answer, "shared_cost")
            assert [paid[team] for team in ("big", "small", "shared")] == [
                dollars(amount) for amount in (big, small, "0")
            ]


def test_a_spread_cost_is_asked_for_by_whole_hours(tmp_path: Path) -> None:
    """What an hour's idle time costs whom is only known when the hour is over."""
    cards, held, usage = scene(tmp_path)
    with (
        ledger(tmp_path, devices=cards, allocations=held, gpu_usage=usage) as store,
        pytest.raises(ConfigError, match="whole hour"),
    ):
        cost(store, Window(at(0.5), at(1)), ("team",), SEVEN_DOLLARS, rule=CostRule(idle=Spread.even))


def test_a_use_that_was_measured_for_all_who_share_a_device_is_said(tmp_path: Path) -> None:
    """Exporters repeat a device's value under every pod on it: nobody may read it as the pod's own."""
    row = {"minute": at(0), "cluster": "c", "node": "n", "device": "a", "code": 0, "count": 0, "seconds": 0}
    conditions = [
        row | {"kind": "shared-value", "seconds": 1800},
        row | {"kind": "xid", "code": 79, "count": 1},
    ]
    with ledger(tmp_path, devices=[device("a", at(0), at(1))], gpu_conditions=conditions) as store:
        notes = cost(store, HOUR, ("team",), SEVEN_DOLLARS).notes
        assert any("0.5 hours" in note and "device-duplicated" in note for note in notes)
        assert any("1 devices had XID" in note for note in notes)
        assert not any(
            "XID" in note for note in cost(store, Window(at(1), at(2)), ("team",), SEVEN_DOLLARS).notes
        )
