"""A collector that lost its state folder tells the cluster anew: the ledger counts every interval once."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings

from collectors.live.allocation.fold import Fold
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import _names
from pipeline.facts.catalogue import FACTS
from pipeline.facts.fact import Fact
from pipeline.lake.merged import merged
from tests.allocation import kube_shapes as k
from tests.allocation.allocation_world import SECOND, Change, live
from tests.allocation.test_allocation_cases import NOON
from tests.allocation.test_allocation_laws import (
    BEGIN,
    END,
    FIRST,
    MOMENTS,
    PHASES,
    Holder,
    _at,
    _micros,
    _told,
    _value,
    histories,
)
from tests.examples import examples
from tests.ledger import rows

Held = dict[tuple[Holder, int, int], tuple[Fraction, str | None]]


def _lived(history: list[Change], losses: list[int], turns: list[int]) -> dict[str, list[dict[str, Any]]]:
    """Facts of lives of which none remembers the one before."""
    told: dict[str, list[dict[str, Any]]] = {"allocations": [], "devices": [], "gaps": []}
    for start, until in pairwise([BEGIN, *losses, END]):
        life, taken = live(history, [], start, until), 0
        fold = Fold("c", _names(AllocationSettings()))
        for turn in [t for t in (FIRST, *turns, END) if start < t < until or t == until == END]:
            upto = sum(news.at <= turn for news in life.news)
            fold.take(life.news[taken:upto])
            taken = upto
            if fold.changes.complete:
                parsed = fold.settle(turn)
                for name, fact in (("allocation", "allocations"), ("device", "devices")):
                    told[fact] += parsed.events[name].to_pylist() if name in parsed.events else []
                told["gaps"] += parsed.gaps.to_pylist()
    return told


def _rows(fact: str, given: list[dict[str, Any]]) -> pa.Table:
    """As the ledger has them: times are UTC without a zone, no text is ''."""
    names = FACTS[fact].schema.names
    told = [{n: v for n, v in row.items() if n in names and v is not None} for row in given]
    plain = [
        {n: v.replace(tzinfo=None) if isinstance(v, datetime) else v for n, v in r.items()} for r in told
    ]
    return rows(fact, plain)


def _seen(told: dict[str, list[dict[str, Any]]], fact: Fact) -> list[dict[str, Any]]:
    """What the ledger's view makes of the rows."""
    with duckdb.connect() as con:
        for name, found in told.items():
            con.register("found", _rows(name, found))
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM found")
        return con.execute(merged(fact)).to_arrow_table().to_pylist()


def _held(seen: list[dict[str, Any]]) -> Held:
    found: Held = {}
    for row in seen:
        start, end = _utc(row["start"]), _utc(row["end"]) if row["end"] else END
        holder = (row["device"], row["share_id"] or None, row["claim_uid"], row["consumer_uid"])
        if start < end:
            assert (holder, start, end) not in found, "one key, two rows"
            found[holder, start, end] = (Fraction(row["share_units"], row["device_units"]), row["team"])
    return found


def _utc(time: datetime) -> int:
    return _micros(time.replace(tzinfo=UTC))


@settings(max_examples=examples(20), deadline=None, phases=PHASES)
@given(histories(), MOMENTS, MOMENTS.map(lambda found: found[:2]))
def test_without_its_memory_nothing_is_lost_or_told_twice(
    history: list[Change], turns: list[int], losses: list[int]
) -> None:
    """Whatever was held, and whenever the memory was lost."""
    _is_as_it_was(history, turns, losses)


def test_a_claim_that_was_shared_and_changed_hands_is_counted_once() -> None:
    """It is told anew in its present parts since its allocation: its device would be paid for twice."""
    history, noon = [Change(NOON - SECOND, "resourceslices", "put", k.slice_(k.device("a")))], _at(0)
    history.append(Change(NOON - SECOND, "namespaces", "put", k.namespace(team="one")))
    for second, pods in ((1, "p"), (10, "pq"), (20, "pqr"), (30, "pr"), (40, "p")):
        history += [
            Change(NOON + second * SECOND, "pods", "put", k.pod(pod, bound=_at(second))) for pod in pods
        ]
        claim = k.claim("c", {"device": "a"}, pods=tuple(pods), allocated=noon)
        history.append(Change(NOON + second * SECOND, "resourceclaims", "put", claim))
    history.append(Change(NOON + 45 * SECOND, "namespaces", "put", k.namespace(team="two")))
    every = [NOON + second * SECOND for second in range(1, 80)]
    for lost in (25, 50):
        _is_as_it_was(history, every, [NOON + lost * SECOND + 1, NOON + 60 * SECOND + 1])


def _is_as_it_was(history: list[Change], turns: list[int], losses: list[int]) -> None:
    """The ledger's view says what the uncut watch saw, but for what nobody saw between two lives."""
    whole = _told(history, [], [], [c.time for c in history], False).held()
    told = _lived(history, sorted(set(losses)), turns)
    seen = _held(_seen(told, FACTS["allocations"]))
    times = sorted(_micros(r["time"]) for name in ("allocations", "devices") for r in told[name])
    begun = [_micros(g["end"]) for g in told["gaps"] if g["kind"] == "begins"]
    # An end that was seen may not be told yet: a claim is let go two seconds after its pod at most.
    unseen = [(max((t for t in times if t < at), default=0) - 2 * SECOND, at) for at in begun]
    for holder in {key[0] for key in (*whole, *seen)}:
        edges = sorted({edge for key in (*whole, *seen) if key[0] == holder for edge in key[1:]})
        for start, end in pairwise(edges):
            if _value(whole, holder, start) != _value(seen, holder, start):
                assert any(since <= start and end <= until for since, until in unseen), (holder, start, end)


def test_an_end_that_is_told_after_the_loss_is_when_it_ended() -> None:
    """A claim may keep a pod that is done: until anything else was seen its team would pay on for it."""
    at = datetime(2026, 7, 2)
    begins = {"cluster": "c", "source": "allocation", "kind": "begins", "detail": "pods"}
    held = {"cluster": "c", "device": "GPU-a", "consumer_uid": "p", "start": at, "start_quality": "exact"}
    done = {"end": at.replace(hour=1), "end_quality": "exact", "time": at.replace(hour=4), "revision": 2}
    told = {
        "allocations": [held | {"time": at, "revision": 1}, held | done],
        "devices": [{"cluster": "c", "device": "GPU-b", "start": at, "time": at.replace(hour=2)}],
        "gaps": [begins | {"start": at.replace(hour=3), "end": at.replace(hour=3)}],
    }
    [row] = _seen(told, FACTS["allocations"])
    assert (row["end"].hour, row["end_quality"]) == (1, "exact")


def test_a_device_that_fell_ill_before_the_loss_is_listed_once() -> None:
    """It is told again as ill since its node came: the hours before would be in the inventory twice."""
    at = datetime(2026, 7, 2)
    common = {"cluster": "c", "device": "GPU-a", "pool": "n1", "start": at, "revision": 1}
    healthy = common | {"end": at.replace(hour=2), "health": "healthy"}
    ill = common | {"start": at.replace(hour=2), "health": "unhealthy"}
    begins = {"cluster": "c", "source": "allocation", "kind": "begins", "detail": "resourceslices"}
    told = {
        "devices": [
            healthy | {"time": at.replace(hour=2)}, ill | {"time": at.replace(hour=4)},
            common | {"health": "unhealthy", "time": at.replace(hour=6), "revision": 2},
        ],
        "allocations": [],
        "gaps": [begins | {"start": at.replace(hour=n), "end": at.replace(hour=n)} for n in (0, 6)],
    }  # fmt: skip
    spans = sorted(
        (r["start"].hour, r["end"] and r["end"].hour, r["health"]) for r in _seen(told, FACTS["devices"])
    )
    assert spans == [(0, 2, "healthy"), (2, 4, "unhealthy"), (4, None, "unhealthy")]
