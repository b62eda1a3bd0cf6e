"""Every live collector by its name, which is also its settings' group; a new one is a file and a line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:  # it imports Arrow, and every command reads the settings
    from collectors.live.contract import Collector


class Live(NamedTuple):
    """`module:name` each."""

    make: str
    """Makes the collector of a cluster from its settings."""
    settings: str
    """A frozen dataclass of defaults in a module that imports little, since every command reads them."""
    parse: str
    """The pure function by which its loop makes events of what the source answered: see contract.py."""


_AT = "collectors.live"
# fmt: off
LIVE: dict[str, Live] = {
    "allocation": Live(
        f"{_AT}.allocation.source:collector", f"{_AT}.allocation.parameters:AllocationSettings",
        f"{_AT}.allocation.fold:parse",
    ),
    "dcgm": Live(
        f"{_AT}.dcgm.collector:collector", f"{_AT}.dcgm.parameters:DcgmSettings", f"{_AT}.dcgm.looked:parse"
    ),
    "hubble": Live(
        f"{_AT}.hubble.collector:collector", f"{_AT}.hubble.parameters:HubbleSettings",
        "collectors.hubble.flows:parse",
    ),
    "inference": Live(
        f"{_AT}.inference.collector:collector", f"{_AT}.inference.parameters:InferenceSettings",
        f"{_AT}.inference.bodies:parse",
    ),
    "inference_topics": Live(
        f"{_AT}.inference_topics.collector:collector",
        f"{_AT}.inference_topics.parameters:InferenceTopicsSettings",
        f"{_AT}.inference_topics.values:parse",
    ),
}
# fmt: on


def collector(kind: str, parameters: Any, cluster: str) -> Collector:
    """The collector of a kind; only its own module is imported.  Raises ConfigError for a wrong setting."""
    return cast("Collector", _named(LIVE[kind].make)(parameters, cluster))


def groups() -> dict[str, type]:
    """The type of each kind's settings."""
    return {kind: _named(live.settings) for kind, live in LIVE.items()}


def _named(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
