"""Bytes of a flow, where the agent is Microsoft Retina: Cilium's flows have none.

Retina puts them into `extensions`, as a message of its own or as a Struct with the same names.
"""

from __future__ import annotations

from typing import Any

import msgspec

from collectors.hubble.lines import BAD_JSON, NULL, Flow

METHOD = "retina"
_NEAR_THE_POD = frozenset((None, "UNKNOWN_POINT", "TO_STACK", "FROM_ENDPOINT"))
"""A packet passes these once on its way out; at the node's own interface it is seen a second time."""


class _Names(msgspec.Struct, gc=False):
    bytes: int | float | str = 0
    """Size of the packet that was reported."""
    previously_observed_bytes: int | float | str = 0
    """Of the packets since the report before, which were not reported one by one."""


class _Extension(_Names, gc=False):
    value: _Names | None = None
    """A Struct's content."""


_DECODER = msgspec.json.Decoder(_Extension)


class Observed:
    """Bytes of flows, None where one tells none, as Cilium's do."""

    def __init__(self) -> None:
        self._count = 0
        self._told: dict[int, float] = {}

    def add(self, flows: list[Flow]) -> None:
        """The next flows."""
        told = [f.extensions for f in flows]
        if told.count(NULL) < len(told):
            found = [
                (place, _bytes(f)) for place, f in enumerate(flows, self._count) if f.extensions is not NULL
            ]
            self._told.update((place, size) for place, size in found if size is not None)
        self._count += len(flows)

    def columns(self) -> dict[str, Any]:
        """Columns `bytes` and `bytes_method`; none where no flow tells bytes."""
        if not self._told:
            return {}
        found = [self._told.get(place) for place in range(self._count)]
        return {"bytes": found, "bytes_method": [None if n is None else METHOD for n in found]}


def _bytes(flow: Flow) -> float | None:
    """None also where the packet is counted at another point; a flow stays a flow without its bytes."""
    if flow.trace_observation_point not in _NEAR_THE_POD:
        return None
    try:
        told = _DECODER.decode(flow.extensions)
        names = told.value or told
        total = float(names.bytes) + float(names.previously_observed_bytes)
    except (*BAD_JSON, ValueError):
        return None
    return total if 0.0 < total < float("inf") else None
