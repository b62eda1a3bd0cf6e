"""Who pays for what nobody used: the rule of the cost answer, whose id stands on every line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    allocation = "allocation"
    usage = "usage"
    max = "max"
    dominant = "dominant"
    aws_split = "aws-split"
    datadog = "datadog"
    opencost = "opencost"


class Spread(StrEnum):
    none = "none"
    weighted = "weighted"
    even = "even"


@dataclass(frozen=True, slots=True)
class Split:
    """How a node's price becomes its GPUs', cores' and memory's, in parts that need not sum to anything.

    A part is of a GPU, a core and a GiB; or, where `whole`, of all GPUs, all cores and all memory.
    """

    gpu: int
    cpu: int
    memory: int
    whole: bool = False


SPLITS = {
    Method.aws_split: Split(90, 9, 1),
    Method.datadog: Split(95, 3, 2, whole=True),
    Method.opencost: Split(950_000, 31_611, 4_237),
}
"""AWS: a core is nine GiB, a GPU nine times a core with a GiB.  Datadog: shares of the node.  OpenCost: its
default prices in millionths of a dollar an hour."""


@dataclass(frozen=True, slots=True)
class CostRule:
    method: Method = Method.allocation
    """allocation: who holds a device pays for it; usage: who works pays for what is held without work too;
    max: the larger of what is held and what is used, which is what is held; dominant: each pays of a node the
    largest part that it holds of its GPUs, CPUs or memory; aws-split, datadog, opencost: allocation, with the
    node's price split over its GPUs, CPUs and memory."""
    idle: Spread = Spread.none
    """Who pays for time that nobody holds, by cluster and hour: none, holders by their cost, or all alike."""
    shared: Spread = Spread.none
    """The same for the namespaces that all share."""
    shared_namespaces: str = "kube-system,gpu-operator,nvidia-*,amd-gpu*,dcgm*"
    """Namespaces, as patterns, whose devices serve all others: their cost is shared overhead."""

    ownership: str = ""
    """YAML file of the rules that name team, cost centre and environment; empty: the labels name the team."""

    @property
    def id(self) -> str:
        return f"{self.method}/idle-{self.idle}/shared-{self.shared}"

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(name for name in (part.strip() for part in self.shared_namespaces.split(",")) if name)

    @property
    def split(self) -> Split | None:
        """None: the price of a node's GPUs is that of the whole node."""
        return SPLITS.get(self.method)

    @property
    def spreads(self) -> bool:
        """Whether a cost moves from where it arose, which it does by whole hours."""
        return self.method in (Method.usage, Method.dominant) or {self.idle, self.shared} != {Spread.none}
