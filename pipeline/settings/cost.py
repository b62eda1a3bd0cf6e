"""Who pays for what nobody used: the rule of the cost answer, whose id stands on every line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from pipeline.errors import ConfigError


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
    max: the larger of what is held and what is used, which differ for CPUs and memory alone; dominant: each
    pays of a node the largest part that it holds of its GPUs, CPUs or memory; aws-split, datadog, opencost:
    max, with the node's price split over its GPUs, CPUs and memory."""
    idle: Spread = Spread.none
    """Who pays for time that nobody holds, by cluster and hour: none, holders by their cost, or all alike."""
    shared: Spread = Spread.none
    """The same for the namespaces that all share."""
    shared_namespaces: str = "kube-system,gpu-operator,nvidia-*,amd-gpu*,dcgm*"
    """Namespaces, as patterns, whose devices serve all others: their cost is shared overhead."""

    methods: str = ""
    """Teams that are charged by another method, as TEAM=METHOD, ..., patterns of which the first that fits
    holds; what their lines and those of all others leave of the bill is the line `method_difference`."""

    ownership: str = ""
    """YAML file of the rules that name team, cost centre and environment; empty: the labels name the team."""

    @property
    def id(self) -> str:
        chosen = "".join(f"+{team}={method}" for team, method in self.chosen)
        return f"{self.method}{chosen}/idle-{self.idle}/shared-{self.shared}"

    @property
    def chosen(self) -> tuple[tuple[str, Method], ...]:
        """Patterns of teams, and the method of each; ConfigError where `methods` is not written so."""
        pairs = [part.partition("=") for part in self.methods.split(",") if part.strip()]
        return tuple((team.strip(), _method(f"{team}{sign}{name}", name)) for team, sign, name in pairs)

    def of_team(self, team: str) -> CostRule:
        """The rule that its lines are made by."""
        method = next((method for pattern, method in self.chosen if fnmatchcase(team, pattern)), self.method)
        return self.by(method)

    def by(self, method: Method) -> CostRule:
        """The rule with one method for everybody."""
        return replace(self, method=method, methods="")

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(name for name in (part.strip() for part in self.shared_namespaces.split(",")) if name)

    @property
    def split(self) -> Split | None:
        """None: the price of a node's GPUs is that of the whole node."""
        return SPLITS.get(self.method)

    @property
    def charges_use(self) -> bool:
        """Whether CPUs and memory that a pod uses beyond what it holds are charged to it."""
        return self.method in {Method.max, *SPLITS}

    @property
    def spreads(self) -> bool:
        """Whether a cost moves from where it arose, which it does by whole hours."""
        moves = self.has(Method.usage) or self.has(Method.dominant)
        return moves or {self.idle, self.shared} != {Spread.none}

    def has(self, method: Method) -> bool:
        """Whether somebody is charged by it."""
        return any(one.method is method for one in self.all)

    @property
    def all(self) -> list[CostRule]:
        """A rule of one method for each by which somebody is charged."""
        return [self.by(method) for method in {self.method, *(method for _, method in self.chosen)}]


def _method(part: str, name: str) -> Method:
    team = part.partition("=")[0].strip()
    if not team or name.strip() not in set(Method):
        remedy = f"write TEAM=METHOD, of the methods {', '.join(Method)}"
        raise ConfigError("cost.methods", part.strip(), remedy)
    return Method(name.strip())
