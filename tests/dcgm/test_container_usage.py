"""CPU and memory of containers as their pod's part of the node: every core-second once, whoever scrapes."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.container_usage import Uses, advance_uses
from collectors.dcgm.timeline import Scrape
from collectors.exposition import samples
from collectors.network.owners import Owners
from detectors.folds import FOLDS
from tests.examples import examples

START = 1_790_000_040_000_000
SECOND = 1_000_000
GIB = 2**30
MACHINE = f'machine_cpu_cores{{node="n1"}} 8\nmachine_memory_bytes{{node="n1"}} {16 * GIB}\n'
KNOWN = Owners(nodes={("ml", "api"): "n1"})


def cpu(used: float, container: str = "main", pod: str = "api", group: str = "abc", more: str = "") -> str:
    labels = f'namespace="ml",pod="{pod}",container="{container}",id="/kubepods/{group}",cpu="total"{more}'
    return f"container_cpu_usage_seconds_total{{{labels}}} {used}\n"


def memory(used: int, container: str = "main") -> str:
    labels = f'namespace="ml",pod="api",container="{container}",id="/kubepods/abc"'
    return f"container_memory_working_set_bytes{{{labels}}} {used}\n"


def scrapes(*told: tuple[float, str], machine: str = MACHINE) -> list[Scrape]:
    texts = [(0.0, machine), *told]
    return [Scrape(START + round(at * SECOND), "t", samples(text.encode())[0]) for at, text in texts]


def advanced(found: list[Scrape], uses: Uses, known: Owners) -> tuple[Any, Uses]:
    until = max(scrape.time for scrape in found)
    return advance_uses(
        found, uses, known, longest=90 * SECOND, look_back=120 * SECOND, until=until, cluster="c"
    )


def taken(found: list[Scrape], known: Owners = KNOWN, uses: Uses | None = None) -> Any:
    parsed, after = advanced(found, uses or Uses(), known)
    assert parsed.balanced
    again, _ = advanced(found, Uses.of(after.cursor()), known)
    assert again.read == 0, "what comes again is read once"
    return parsed, after


def folded(parsed: Any) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Seconds of all of the device that each pod used, and those that were seen."""
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for fold in FOLDS["gpu"]:
        for fact, rows in fold(parsed.events["gpu"], {}).items():
            assert fact == "process_usage" or not rows.num_rows, "the node's own work is told by nobody"
            for row in rows.to_pylist():
                key = (row["pod"], row["device"])
                busy, seen = sums.get(key, (Decimal(0), Decimal(0)))
                sums[key] = busy + row["busy_seconds"], seen + row["observed_seconds"]
    return sums


def test_a_pod_has_what_its_containers_use_of_the_node() -> None:
    """Two containers with one core each are two of eight cores, not one, nor two pods."""
    told = [
        (at, cpu(at) + cpu(5 + at, "side") + memory(4 * GIB) + cpu(at, "") + cpu(at, "POD"))
        for at in (1, 31, 61)
    ]
    parsed, _ = taken(scrapes(*told))
    assert folded(parsed) == {
        ("api", "n1/cpu"): (Decimal(15), Decimal(60)), ("api", "n1/memory"): (Decimal(15), Decimal(60)),
    }  # fmt: skip
    assert parsed.excluded == {"begins_an_interval": 3, "not_a_container": 6}


def test_an_idle_container_is_seen_and_a_new_one_begins_anew() -> None:
    """A counter that stands still was seen to; after a restart its group is another, and nothing falls."""
    told = [(1, cpu(7)), (31, cpu(7)), (61, cpu(1, group="def")), (91, cpu(4, group="def"))]
    parsed, _ = taken(scrapes(*told))
    assert folded(parsed) == {("api", "n1/cpu"): (Decimal("0.375"), Decimal(60))}


def test_a_counter_that_goes_down_is_said_and_counts_nothing() -> None:
    """Were it taken for a new one, all that it ever counted would be this half minute's."""
    parsed, _ = taken(scrapes((1, cpu(5_000)), (31, cpu(4_999)), (61, cpu(5_014))))
    assert folded(parsed) == {("api", "n1/cpu"): (Decimal("1.875"), Decimal(30))}
    assert [gap["kind"] for gap in parsed.gaps.to_pylist()] == ["counter_reset"]


@pytest.mark.parametrize(
    ("text", "machine", "known", "why"),
    [
        (cpu(1, pod=""), MACHINE, KNOWN, "no_pod"),
        (cpu(1), MACHINE, Owners(), "node_unknown"),
        (cpu(1), "", KNOWN, "machine_unknown"),
        (cpu(1, pod="x", more=',node="n1"'), "", KNOWN, "machine_unknown"),
    ],
)
def test_what_cannot_be_placed_is_left_out_by_name(text: str, machine: str, known: Owners, why: str) -> None:
    parsed, _ = taken(scrapes((1, text), (31, text), machine=machine), known)
    assert set(parsed.excluded) == {why} and not parsed.events


def test_longer_than_can_be_counted_is_not_seen() -> None:
    parsed, _ = taken(scrapes((1, cpu(1)), (31, cpu(1)), (200, cpu(100)), (230, cpu(101))))
    assert folded(parsed) == {("api", "n1/cpu"): (Decimal("0.125"), Decimal(60))}


steps = st.lists(
    st.tuples(st.sampled_from(["main", "side"]), st.integers(1, 25), st.integers(0, 40)),
    min_size=2,
    max_size=12,
)


@settings(max_examples=examples(30), deadline=None)
@given(steps, st.integers(0, 12))
def test_no_moment_is_told_twice_and_every_core_second_once(
    told: list[tuple[str, int, int]], cut: int
) -> None:
    """Containers have clocks of their own: a pod that is told 70 of 60 seconds would seem to use less."""
    clocks, counts, first = {"main": 3.0, "side": 11.0}, {"main": 10.0, "side": 20.0}, {}
    found = [(clocks[name], cpu(counts[name], name)) for name in clocks]
    for name, later, grown in told:
        first.setdefault(name, (clocks[name], counts[name]))
        clocks[name] += later
        counts[name] += grown / 10
        found.append((clocks[name], cpu(counts[name], name)))
    found.sort()
    uses, rows = Uses(), []
    for some in (found[:cut], found):  # all comes again
        parsed, uses = advanced(scrapes(*some), uses, KNOWN)
        rows += parsed.events["gpu"].to_pylist() if parsed.events else []
    core_seconds = sum(row["util_ratio"] * row["interval_seconds"] * 8 for row in rows)
    assert core_seconds == pytest.approx(sum(counts[name] - count for name, (_, count) in first.items()))
    spans = sorted((end - row["interval_seconds"], end) for row in rows for end in [row["time"].timestamp()])
    assert all(before[1] <= after[0] + 1e-6 for before, after in pairwise(spans))
