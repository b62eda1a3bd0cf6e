"""Hubble's JSON lines to network facts on one core: recorded flows, repeated until they take a second."""

from __future__ import annotations

import time

import pytest

from collectors import hubble
from detectors import network
from tests.samples import sample

pytestmark = pytest.mark.bench
LINES = 60_000


def test_hubble_lines_are_decoded_and_folded_at_200_000_a_second(record):
    lines = [
        line
        for path in sorted(sample("hubble-otel").glob("*.json"))
        for line in path.read_bytes().splitlines()
        if line
    ]
    data = b"\n".join(lines * (LINES // len(lines) + 1))
    count = data.count(b"\n") + 1
    seconds = min(_once(data, count) for _ in range(3))
    record(
        "Hubble JSON decode and fold",
        flows_per_second_per_core=count / seconds,
        bytes_per_flow=len(data) / count,
    )
    assert count / seconds >= 200_000


def _once(data: bytes, count: int) -> float:
    start = time.process_time()
    parsed = hubble.parse(data, cluster="bench")
    facts = network.fold(parsed.events["flow"], {})
    seconds = time.process_time() - start
    assert parsed.events["flow"].num_rows == count and facts["network_usage"].num_rows
    return seconds
