"""The bytes of a workload by network class: measured where a source tells it, else by its connections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.network_classes import CLASSES

UNKNOWN = "unknown"
KNOWN = tuple(name for name in CLASSES if name != UNKNOWN)
MEASURED, ESTIMATED, UNPLACED, UNSEEN = "measured", "estimated", "unplaced", "no_bytes"


@dataclass(frozen=True, slots=True)
class Sent:
    """Sums of one workload, class and byte source (`method`, '' where it tells no bytes)."""

    kind: str
    method: str
    flows: int
    connections: int
    dropped: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """`bytes` of one class, None where no source tells any; `basis` says how they are known.

    measured: the source tells the class.  estimated: the source tells a total, shared out by connections.
    unplaced: a total, and no connection says where it went.  no_bytes: connections alone.
    """

    kind: str
    basis: str
    method: str
    bytes: int | None
    flows: int
    connections: int
    dropped: int


def split(sent: Sequence[Sent]) -> list[Part]:
    """The parts of one workload, whose bytes sum to what its best source told.

    Sources stand side by side and are never added: the one that tells the class of most bytes is taken, else
    the one that tells most.
    """
    method = _best(sent)
    own = [s for s in sent if s.method == method]
    counts = _counts([s for s in sent if not s.method] or own)
    measured: Mapping[str, int] = _sum(own)
    if not method:
        return [Part(kind, UNSEEN, "", None, *counts[kind]) for kind in CLASSES if any(counts[kind])]
    parts = [Part(kind, MEASURED, method, measured[kind], *counts[kind]) for kind in KNOWN if measured[kind]]
    left = measured[UNKNOWN]
    shares = {kind: counts[kind][1] for kind in KNOWN if counts[kind][1]}
    nothing = (0, 0, 0)
    said = {part.kind for part in parts}
    if left and shares:
        for kind, size in _shared(left, shares).items():
            parts.append(Part(kind, ESTIMATED, method, size, *(nothing if kind in said else counts[kind])))
    elif left:
        parts.append(Part(UNKNOWN, UNPLACED, method, left, *counts[UNKNOWN]))
    said = {part.kind for part in parts}
    rest = [kind for kind in CLASSES if kind not in said and any(counts[kind])]
    return parts + [Part(kind, MEASURED, method, 0, *counts[kind]) for kind in rest]


def _best(sent: Sequence[Sent]) -> str:
    told: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for s in sent:
        if s.method and s.bytes:
            placed, whole = told[s.method]
            told[s.method] = (placed + (s.bytes if s.kind != UNKNOWN else 0), whole + s.bytes)
    return min(told, key=lambda m: (-told[m][0], -told[m][1], m), default="")


def _sum(own: Sequence[Sent]) -> Mapping[str, int]:
    found: dict[str, int] = dict.fromkeys(CLASSES, 0)
    for s in own:
        found[s.kind] += s.bytes
    return found


def _counts(counted: Sequence[Sent]) -> Mapping[str, tuple[int, int, int]]:
    """flows, connections and dropped by class."""
    found: dict[str, tuple[int, int, int]] = dict.fromkeys(CLASSES, (0, 0, 0))
    for s in counted:
        flows, connections, dropped = found[s.kind]
        found[s.kind] = (flows + s.flows, connections + s.connections, dropped + s.dropped)
    return found


def _shared(whole: int, shares: Mapping[str, int]) -> dict[str, int]:
    """`whole` in parts as the shares, floor, the remainder to the largest share; they sum to it."""
    total = sum(shares.values())
    parts = {kind: whole * share // total for kind, share in shares.items()}
    largest = max(shares, key=lambda kind: (shares[kind], kind))
    parts[largest] += whole - sum(parts.values())
    return parts
