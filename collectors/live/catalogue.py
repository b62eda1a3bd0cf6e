"""Every live collector by its name, which is also its settings' group; a new one is a file and a line."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from collectors.live.contract import Collector

LIVE: dict[str, str] = {
    "allocation": "collectors.live.allocation.source:collector",
    "dcgm": "collectors.live.dcgm.collector:collector",
    "hubble": "collectors.live.hubble.collector:collector",
    "inference": "collectors.live.inference.collector:collector",
    "inference_topics": "collectors.live.inference_topics.collector:collector",
}
"""`module:function` by kind; the function makes the collector of a cluster from its group of settings."""


def collector(kind: str, parameters: Any, cluster: str) -> Collector:
    """The collector of a kind; only its own module is imported.  Raises ConfigError for a wrong setting."""
    module, _, name = LIVE[kind].partition(":")
    make = cast("Callable[[Any, str], Collector]", getattr(import_module(module), name))
    return make(parameters, cluster)
