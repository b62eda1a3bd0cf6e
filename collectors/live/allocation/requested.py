"""What a node keeps of its CPUs and memory for a pod, as the scheduler counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from collectors.live.allocation.beside import OF_NODES, Amounts, Sizes, sizes


class Resources(msgspec.Struct, gc=False):
    limits: Amounts | None = None
    requests: Amounts | None = None


class Container(msgspec.Struct, gc=False):
    name: str = ""
    resources: Resources | None = None
    restartPolicy: str | None = None


def requested(
    pod: Resources | None,
    containers: Sequence[Container],
    init: Sequence[Container],
    overhead: Amounts | None,
    wanted: frozenset[str],
) -> Sizes:
    """The containers together, or an init container with the sidecars before it where that is more.

    What the pod as a whole requests stands in place of its containers'; its runtime's overhead is added.
    What it does not request is 0.
    """
    running = _sum(_of(one.resources, wanted) for one in containers)
    sidecars: Counter[str] = Counter()
    starting: Counter[str] = Counter()
    for one in init:
        if one.restartPolicy == "Always":
            sidecars += _of(one.resources, wanted)
            starting |= sidecars
        else:
            starting |= sidecars + _of(one.resources, wanted)
    found = (running + sidecars) | starting
    found.update({} if pod is None else {k: v - found[k] for k, v in _of(pod, wanted).items()})
    found += Counter(dict(sizes(overhead, wanted)))
    # Who requests none may use some, and then it must be known whose that is.
    return tuple((name, found[name]) for name in sorted(wanted & OF_NODES.keys()))


def _of(resources: Resources | None, wanted: frozenset[str]) -> Counter[str]:
    return Counter(dict(sizes(resources.requests if resources else None, wanted)))


def _sum(parts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total += part
    return total
