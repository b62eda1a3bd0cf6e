"""However the watch of a cluster is cut, its intervals are those of the uncut watch, but within gaps."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from collectors.live.allocation.fold import Fold
from collectors.live.allocation.meta import at
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import _names
from tests.allocation import kube_shapes as k
from tests.allocation.allocation_world import SECOND, Break, Change, live
from tests.allocation.test_allocation_cases import NOON
from tests.examples import examples

BEGIN, FIRST, END = NOON - SECOND, NOON - SECOND // 2, NOON + 80 * SECOND
"""The first turn is kept: before it a crash is no restart."""
KEY = ("device", "share_id", "claim_uid", "consumer_uid", "container", "start")
Holder = tuple[str, str | None, str, str]
Gap = tuple[int, int]


class Ledger:
    """The newest version of every interval, and the gaps."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.gaps: list[Gap] = []

    def take(self, parsed: Any) -> None:
        assert parsed.balanced
        for row in parsed.events["allocation"].to_pylist() if "allocation" in parsed.events else ():
            self.rows[tuple(row.get(n) for n in KEY)] = row
        self.gaps += [(_micros(g["start"]), _micros(g["end"])) for g in parsed.gaps.to_pylist()]

    def held(self) -> dict[tuple[Holder, int, int], tuple[Fraction, str | None]]:
        """By holder and interval, the share and whose it is."""
        found = {}
        for row in self.rows.values():
            end = _micros(row["end"]) if row["end"] else END
            if (start := _micros(row["start"])) < end:
                holder = (row["device"], row["share_id"], row["claim_uid"] or "", row["consumer_uid"])
                found[holder, start, end] = (Fraction(row["share_units"], row["device_units"]), row["team"])
        return found


def _micros(time: Any) -> int:
    return int(time.timestamp() * SECOND + 0.5)


def _at(offset: int) -> str:
    return f"{at(NOON + offset * SECOND).isoformat()}Z"


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Pods that hold devices by claims, alone or together, and by a device plugin, while a team changes."""
    early = [("namespaces", k.namespace(team="one")), ("resourceslices", k.slice_(*map(k.device, "ab")))]
    told = [Change(NOON - 9 * SECOND, kind, "put", one) for kind, one in early]
    reserved: dict[str, list[str]] = {}
    pods: dict[str, dict[str, Any]] = {}
    second = 0

    def tell(kind: str, one: dict[str, Any], what: Any = "put") -> None:
        told.append(Change(NOON + second * SECOND, kind, what, one))

    def claim(name: str) -> dict[str, Any]:
        device = {"device": "ab"[int(name[1:]) % 2]}
        return k.claim(
            name, *([device] if reserved[name] else []), pods=tuple(reserved[name]), allocated=began[name]
        )

    began: dict[str, str] = {}
    for number in range(draw(st.integers(3, 16))):
        second += draw(st.integers(1, 4))
        held = sorted(c for c, names in reserved.items() if names)
        match draw(
            st.sampled_from(["claim", "claim", "plugin", "join", "leave", "end", "end", "delete", "team"])
        ):
            case "claim":
                pods[f"p{number}"] = {}
                tell("pods", k.pod(f"p{number}", bound=_at(second)))
                reserved[f"c{number}"], began[f"c{number}"] = [f"p{number}"], _at(second)
                tell("resourceclaims", claim(f"c{number}"))
            case "plugin":
                pods[f"p{number}"] = {
                    "limits": {"nvidia.com/gpu": "1"},
                    "given": {"nvidia.com/gpu": [f"GPU-{number}"]},
                }
                tell("pods", k.pod(f"p{number}", bound=_at(second), **pods[f"p{number}"]))
            case "join" if held:
                name = draw(st.sampled_from(held))
                pods[f"p{number}"] = {}
                tell("pods", k.pod(f"p{number}", bound=_at(second)))
                reserved[name].append(f"p{number}")
                tell("resourceclaims", claim(name))
            case "leave" if held:
                name = draw(st.sampled_from(held))
                reserved[name].remove(draw(st.sampled_from(reserved[name])))
                tell("resourceclaims", claim(name))
                if not reserved[name] and draw(st.booleans()):
                    tell("resourceclaims", claim(name), "gone")
                    del reserved[name]
            case "end" if pods:
                pod = draw(st.sampled_from(sorted(pods)))
                ended = k.pod(pod, bound=None, phase="Succeeded", finished=_at(second), **pods.pop(pod))
                tell("pods", ended)
                second += draw(st.integers(0, 2))
                for name in [c for c in held if pod in reserved[c]]:
                    reserved[name].remove(pod)
                    tell("resourceclaims", claim(name))
            case "delete" if pods:
                pod = draw(st.sampled_from(sorted(pods)))
                tell("pods", k.pod(pod, bound=None, **pods.pop(pod)), "gone")
                for name in [c for c in held if pod in reserved[c]]:
                    reserved[name].remove(pod)
                    tell("resourceclaims", claim(name))
            case "team":
                tell("namespaces", k.namespace(team=f"team-{number}"))
    return told


PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""A history is short enough to be read as it is, and a minute is long to make it shorter."""
BREAKS = st.lists(
    st.builds(
        lambda kind, how, start, lasts: Break(
            kind, how, NOON + start * SECOND // 2, NOON + (start + lasts) * SECOND // 2
        ),
        st.sampled_from(["pods", "resourceclaims", "namespaces"]),
        st.sampled_from(["ends", "away", "too old", "forbidden", "forgets"]),
        st.integers(0, 120), st.integers(0, 30),
    ),
    max_size=6,
)  # fmt: skip
MOMENTS = st.lists(st.integers(0, 160).map(lambda half: NOON + half * SECOND // 2), max_size=40).map(sorted)


def _told(
    history: Sequence[Change],
    breaks: Sequence[Break],
    crashes: Sequence[int],
    turns: Sequence[int],
    twice: bool,
) -> Ledger:
    """Lives from crash to crash; a life goes on from what the last turn of the one before it kept."""
    ledger, kept = Ledger(), None
    for start, until in pairwise([BEGIN, *crashes, END]):
        life = live(history, breaks, start, until, twice=twice)
        fold = Fold("c", _names(AllocationSettings()), kept)
        told = 0
        for turn in [t for t in (FIRST, *turns, END) if start < t < until or t == until == END]:
            upto = sum(news.at <= turn for news in life.news)
            fold.take(life.news[told:upto])
            told = upto
            if fold.changes.complete:
                ledger.take(fold.settle(turn))
                kept = fold.kept(life.seen(turn))
    ledger.gaps += [(since, END) for since, until in life.blind if until > END]  # no gap yet: it is not over
    if kept is not None and not fold.changes.complete:
        ledger.gaps.append((kept["seen"], END))  # nor is that of a life that has not listed all yet
    return ledger


def _differences(one: Ledger, other: Ledger) -> list[tuple[Holder, int, int]]:
    """Stretches of time in which a holder has not the same in both."""
    found = []
    first, second = one.held(), other.held()
    for holder in {key[0] for key in (*first, *second)}:
        edges = sorted({edge for key in (*first, *second) if key[0] == holder for edge in key[1:]})
        for start, end in pairwise(edges):
            if _value(first, holder, start) != _value(second, holder, start):
                found.append((holder, start, end))
    return found


def _value(held: dict[Any, Any], holder: Holder, time: int) -> list[Any]:
    return [value for (who, start, end), value in held.items() if who == holder and start <= time < end]


@settings(max_examples=examples(200), deadline=None, phases=PHASES)
@given(histories(), BREAKS, MOMENTS, MOMENTS.map(lambda found: found[:3]), st.booleans())
def test_every_difference_to_the_uncut_watch_lies_in_a_gap(
    history: list[Change], breaks: list[Break], turns: list[int], crashes: list[int], twice: bool
) -> None:
    """A bill must not depend on when a connection broke, a version was too old or a process was killed."""
    whole = _told(history, [], [], [c.time for c in history], False)
    cut = _told(history, breaks, sorted(set(crashes)), turns, twice)
    for holder, start, end in _differences(whole, cut):
        assert any(since <= start and end <= until for since, until in cut.gaps), (
            holder,
            start - NOON,
            end - NOON,
        )
    assert all(since == until for since, until in whole.gaps), "that it begins is no loss"


@settings(max_examples=examples(20), deadline=None, phases=PHASES)
@given(histories(), MOMENTS)
def test_turns_change_nothing(history: list[Change], turns: list[int]) -> None:
    """Whether a second's changes are handed over one by one or together, the intervals are the same."""
    whole = _told(history, [], [], [c.time for c in history], False)
    assert _told(history, [], [], turns, True).held() == whole.held()
