"""Each TCP connection counted once, though several points of the datapath and retries report its SYN.

The other node's report is told apart by its direction (INGRESS), which the fold does not count.  What is left
are repetitions on the sender's side: the same addresses and ports again within WINDOW_SECONDS of the last,
and the SYN to a service's address that is reported once more with the pod it was translated to.
The memory of them lies in the cursor, so a restart counts nothing twice; it is bounded, the oldest go first.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

WINDOW_SECONDS = 30
"""Longer than the pause before a fourth retry, shorter than the 60 s in which ports are not used again."""
MOST = 20_000
"""Connections remembered; more in 30 s than that, and a late repetition counts again."""
TRANSLATED_SECONDS = 1
"""Translation takes microseconds; a port is used for another destination so soon only rarely."""
_ORIGIN = "~"
"""Before the identity of where a SYN to an address without a pod came from."""
_ENDS = ("cluster", "source_ip", "source_port", "destination_ip", "destination_port")

Window = dict[str, int]
"""Identity of a connection to the second of its last SYN, the oldest first: JSON's values."""


def once(flows: pa.Table, before: Mapping[str, int]) -> tuple[pa.Table, Window]:
    """The flows with `opens_connection` false where it repeats, and the window after them."""
    window: Window = dict(before)
    repeats = _repeats(flows, window)
    newest = max(window.values(), default=0)
    kept = [(key, at) for key, at in window.items() if newest - at < _seconds(key)][-MOST:]
    if not repeats:
        return flows, dict(kept)
    opens = flows.column("opens_connection").to_pylist()
    for row in repeats:
        opens[row] = False
    at = flows.schema.get_field_index("opens_connection")
    return flows.set_column(at, flows.schema.field(at), pa.array(opens, pa.bool_())), dict(kept)


def _seconds(key: str) -> int:
    return TRANSLATED_SECONDS + 1 if key.startswith(_ORIGIN) else WINDOW_SECONDS


def _repeats(flows: pa.Table, window: Window) -> list[int]:
    rows = _counted(flows)
    opening = flows.select([*_ENDS, "time", "destination_pod"]).take(rows).to_pydict()
    ends = zip(*(opening[name] for name in _ENDS), strict=True)
    found: list[int] = []
    towards_none: dict[str, int] = {}
    for row, end, time, pod in zip(
        rows.to_pylist(), ends, opening["time"], opening["destination_pod"], strict=True
    ):
        if None in end:
            continue  # without its ports it cannot be told from another
        second, identity = int(time.timestamp()), _identity(end)
        last = window.pop(identity, None)
        if last is not None and abs(second - last) < WINDOW_SECONDS:
            found.append(row)
        else:
            origin = _ORIGIN + _identity(end[:3])
            before = window.pop(origin, None)
            if pod is None:
                window[origin], towards_none[origin] = second, row
            elif before is not None and abs(second - before) <= TRANSLATED_SECONDS:
                # The pod's own place is known: its row counts where the service's is not handed over yet.
                found.append(towards_none.pop(origin, row))
        window[identity] = max(second, last or 0)
    return found


def _counted(flows: pa.Table) -> pa.Array:
    """Rows of the SYNs that the fold would count."""
    sent = pc.and_(pc.equal(flows.column("direction"), "EGRESS"), flows.column("opens_connection"))
    kept = pc.and_(sent, pc.not_equal(flows.column("verdict"), "DROPPED"))
    first = pc.and_(kept, pc.invert(pc.fill_null(flows.column("is_reply"), False)))
    return pc.indices_nonzero(pc.fill_null(first, False).combine_chunks())


def _identity(ends: tuple[object, ...]) -> str:
    digest = blake2b("|".join(map(str, ends)).encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return base64.b64encode(digest).decode()
