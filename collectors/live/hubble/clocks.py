"""Nodes whose clock is ahead of the collector's: their flows count in minutes that are still to come."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from collectors.live.contract import Watch

LIMIT = 300 * 10**6
"""Microseconds ahead that are no more than the clocks of a cluster differ."""
_PART = "right clocks"


class Clocks:
    """`told` of every turn's flows; what is noted stays until the node's flows are right again.

    A clock that is behind cannot be told from a file that is old.
    """

    def __init__(self) -> None:
        self._ahead: dict[str, int] = {}
        """Node to the minutes by which it was ahead when that was seen."""

    def told(self, flows: pa.Table, now: int, watch: Watch) -> None:
        newest = pc.max(flows.column("time")).cast(pa.int64()).as_py()
        if newest is None or (newest <= now + LIMIT and not self._ahead):
            return
        by_node = flows.select(["node", "time"]).group_by("node").aggregate([("time", "max")])
        times = by_node.column("time_max").cast(pa.int64()).to_pylist()
        for node, time in zip(by_node.column("node").to_pylist(), times, strict=True):
            if time > now + LIMIT:
                self._ahead.setdefault(node or "a node without a name", (time - now) // (60 * 10**6))
            else:
                self._ahead.pop(node, None)
        if self._ahead:
            told = ", ".join(f"{node} by {minutes} min" for node, minutes in list(self._ahead.items())[:10])
            watch.notes(_PART, f"flows are ahead of this machine's clock: {told}; look at the nodes' NTP")
        else:
            watch.goes_on(_PART)
