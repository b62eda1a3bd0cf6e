"""How far each node's flows are taken, without relay: laws, clocks and what is bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.live.hubble import relay_marks
from collectors.live.hubble.relay import parse
from collectors.live.hubble.relay_lines import received
from collectors.live.hubble.relay_marks import Hole, Marks
from collectors.live.hubble.relay_messages import Response
from tests.examples import examples

SECOND = 10**9
STEPS = ("flow", "flow", "burst", "ask", "break", "restart", "agent")


class Cluster:
    """Agents with rings, a relay that asks them, and what is remembered; flows are (node, number, time)."""

    def __init__(self, ring: int) -> None:
        self.ring, self.marks, self.now = ring, Marks(None), 0
        self.rings: dict[str, list[tuple[str, int, int]]] = {"a": [], "b": []}
        self.clock = {"a": 1_000 * SECOND, "b": 4_600 * SECOND}
        self.all: list[tuple[str, int, int]] = []
        self.taken: list[tuple[str, int, int]] = []
        self.followed = False
        self.holes: list[Hole] = []

    def emit(self, node: str, after: int) -> None:
        """So many tenths of a second after the one before; 0 comes a little before that one."""
        self.clock[node] += after * SECOND // 10
        flow = (node, len(self.all), self.clock[node] - (0 if after else SECOND))
        self.all.append(flow)
        self.rings[node] = [*self.rings[node], flow][-self.ring :]
        if self.followed:
            self.give(flow)

    def give(self, flow: tuple[str, int, int]) -> None:
        node, number, time = flow
        if self.marks.new(node, time, f"u{number}", self.now):
            self.taken.append(flow)

    def ask(self) -> None:
        """A request: what the rings have since then."""
        since, self.followed = self.marks.begun(), True
        for flow in sorted((f for ring in self.rings.values() for f in ring), key=lambda f: f[2]):
            if flow[2] >= since:
                self.give(flow)
        self.holes += self.marks.holes()

    def restart(self) -> None:
        self.followed = False
        self.holes += self.marks.holes()
        self.marks = Marks(json.loads(json.dumps(self.marks.cursor(self.now))))


@settings(max_examples=examples(150), deadline=None)
@given(
    st.sampled_from([1, 2, 4, 8, 1_000]),
    st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("ab"), st.integers(0, 40)), max_size=60),
)
def test_each_flow_counts_once_or_lies_in_a_gap_of_its_node(ring, steps):
    """A bill that counts a restart's flows twice, or lacks some without a word, is worth nothing."""
    cluster = Cluster(ring)
    cluster.ask()
    for step, node, after in steps:
        if step == "flow":
            cluster.emit(node, after)
        elif step == "burst":
            for _ in range(5):
                cluster.emit(node, 0 if after < 10 else 1)
        elif step == "agent":
            cluster.rings[node] = []
        elif step == "break":
            cluster.followed = False
        else:
            getattr(cluster, step)()
    cluster.restart()
    cluster.ask()
    for node in "ab":
        cluster.emit(node, 20)
    cluster.restart()
    assert len(cluster.taken) == len(set(cluster.taken)), "a flow counted twice"
    known = {node for node, _, _ in cluster.taken}
    for node, number, time in set(cluster.all) - set(cluster.taken):
        before = [n for who, n, _ in cluster.taken if who == node and n < number]
        late = SECOND  # as far as flows come before their time, a gap's bounds are not exact
        near = [h for h in cluster.holes if h.start - late <= time <= h.end + late]
        holes = [h for h in near if h.node == node]
        assert holes or not before or node not in known, f"{node} {number} was lost without a gap"
    if ring == 1_000 and "agent" not in {step for step, _, _ in steps}:
        assert not cluster.holes, "a gap without a loss"


def test_a_clock_that_was_set_back_is_noticed_and_followed():
    """Once a wrong clock is corrected, a node's flows would else pass for repeated ones for an hour."""
    marks = Marks(None)
    assert marks.new("a", 5_000 * SECOND, "u0", 0)
    marks.cursor(0)
    late = [marks.new("a", (1_000 + s) * SECOND, f"v{s}", s * 10**6) for s in range(1, 71)]
    assert late == [False] * 60 + [True] * 10
    [hole] = marks.holes()
    assert (hole.kind, hole.start, hole.end) == ("clock_set_back", 1_001 * SECOND, 1_061 * SECOND)


def test_what_is_remembered_is_bounded(monkeypatch):
    """The cursor is written with each turn; a node that is gone for a day is asked for no longer."""
    monkeypatch.setattr(relay_marks, "MOST", 10)
    marks = Marks(None)
    for n in range(100):
        marks.new("a", SECOND + n, f"u{n}", 0)
        marks.new("b", SECOND, f"same{n}", 0)
    cursor = marks.cursor(0)
    assert sum(len(mark["seen"]) for mark in cursor.values()) <= 10
    again = Marks(cursor)
    again.begun()
    assert not any(again.new("a", SECOND + n, f"u{n}", 0) for n in range(100)) and not again.holes()
    assert marks.cursor(relay_marks.FORGOTTEN + 1) == {}


def flow(**fields):
    made = Response(node_name="n1", flow={"verdict": 1, "uuid": "u", **fields})
    made.time.seconds = made.flow.time.seconds = 1_788_256_800
    return made


def taken(*answers):
    return parse(
        [received(a if isinstance(a, bytes) else a.SerializeToString()) for a in answers], cluster="c"
    )


def test_what_cannot_be_taken_is_a_row_with_its_reason():
    """One broken answer among a million must neither stop the collector nor vanish."""
    no_time = Response(flow={"verdict": 1})
    beyond = flow()
    beyond.flow.time.seconds = 10**15
    retina = {"type_url": "x/utils.RetinaMetadata", "value": b"\xff"}
    answers = [
        flow(), b"\xff", Response(node_name="n1"), flow(l4={"TCP": {"source_port": 70_000}}),
        flow(source=b"\xff"), no_time, beyond, flow(extensions=retina),
    ]  # fmt: skip
    parsed = taken(*answers)
    assert parsed.balanced and parsed.used == 2
    found = [(r.row, r.reason) for r in parsed.rejected]
    assert found == [
        (1, "malformed"), (2, "missing_field"), (3, "wrong_type"), (4, "wrong_type"), (5, "missing_field"),
        (6, "wrong_type"),
    ]  # fmt: skip


def test_a_label_of_100_kb_and_what_came_after_this_version_are_taken():
    """Labels are the user's; a newer Cilium has verdicts and reasons that no table of ours names."""
    parsed = taken(flow(node_labels=["x=" + "y" * 100_000]), flow(verdict=99, drop_reason_desc=250))
    rows = parsed.events["flow"].to_pylist()
    assert parsed.used == 2 and (rows[1]["verdict"], rows[1]["drop_reason"]) == ("99", "250")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("utils.RetinaMetadata", b"\x08\x64\x38\x84\x07"),
        ("google.protobuf.Struct", None),
    ],
)
def test_retinas_bytes_come_by_relay_too(name, value):
    """The same agent behind the same relay, with its own message or a Struct of the same names."""
    if value is None:
        from google.protobuf.struct_pb2 import Struct

        told = Struct()
        told.update({"bytes": 100, "previously_observed_bytes": 900, "zone": "z1"})
        value = told.SerializeToString()
    extensions = {"type_url": f"type.googleapis.com/{name}", "value": value}
    [row] = taken(flow(trace_observation_point=3, extensions=extensions)).events["flow"].to_pylist()
    assert (row["bytes"], row["bytes_method"]) == (1000.0, "retina")


def test_losses_have_the_bounds_that_hubble_tells():
    """`lost_events` of newer agents say from when to when."""
    answer = Response(node_name="n1", lost_events={"source": 3, "num_events_lost": 7})
    answer.time.seconds = answer.lost_events.last.seconds = 1_788_256_800
    answer.lost_events.first.seconds = 1_788_256_700
    [gap] = taken(answer).gaps.to_pylist()
    assert (gap["lost"], gap["detail"], gap["source"]) == (7, "HUBBLE_RING_BUFFER", "hubble/n1")
    assert (gap["end"] - gap["start"]).total_seconds() == 100
