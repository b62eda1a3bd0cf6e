"""Hubble's JSON lines to network facts on one core: recorded flows, repeated until they take a second."""

from __future__ import annotations

import re
import time

import pytest

from collectors.hubble import flows as hubble
from detectors import network
from tests.samples import sample

pytestmark = pytest.mark.bench
LINES = 60_000
PASSES = 7
"""The best counts: other work on the machine only ever adds to the processor time of a pass."""


def test_hubble_lines_are_decoded_and_folded_at_200_000_a_second(record):
    rate, bytes_per_flow = _measured(_lines())
    record(
        "Hubble JSON decode and fold",
        flows_per_second_per_core=rate,
        bytes_per_flow=bytes_per_flow,
    )
    assert rate >= 200_000


def test_endpoints_that_never_repeat_are_decoded_and_folded_too(record):
    """An endpoint that repeats is decoded once in a run of lines; here none does, the worst there is."""
    rate, bytes_per_flow = _measured([_alone(line, i) for i, line in enumerate(_lines())])
    record(
        "Hubble JSON decode and fold, no endpoint twice",
        flows_per_second_per_core=rate,
        bytes_per_flow=bytes_per_flow,
    )


def _lines() -> list[bytes]:
    lines = [
        line
        for path in sorted(sample("hubble-otel").glob("*.json"))
        for line in path.read_bytes().splitlines()
        if line
    ]
    return lines * (LINES // len(lines) + 1)


def _alone(line: bytes, number: int) -> bytes:
    """The line with a label in each endpoint and a name of each pod that no other line has."""
    labelled = line.replace(b'"labels":[', b'"labels":["k8s:line=%d",' % number)
    return re.sub(rb'("pod_name":"[^"]*)"', rb'\1-%d"' % number, labelled)


def _measured(lines: list[bytes]) -> tuple[float, float]:
    """Flows a second and bytes a flow."""
    data = b"\n".join(lines)
    seconds = min(_once(data, len(lines)) for _ in range(PASSES))
    return len(lines) / seconds, len(data) / len(lines)


def _once(data: bytes, count: int) -> float:
    start = time.process_time()
    parsed = hubble.parse(data, cluster="bench")
    facts = network.fold(parsed.events["flow"], {})
    seconds = time.process_time() - start
    assert parsed.events["flow"].num_rows == count and facts["network_usage"].num_rows
    return seconds
