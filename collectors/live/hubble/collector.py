"""The Hubble collector: from the exporter's files or from relay, as the settings say."""

from __future__ import annotations

import os

from collectors.live.contract import Collector
from collectors.live.hubble.files import Files
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.places import Places
from pipeline.errors import ConfigError


def collector(settings: HubbleSettings, cluster: str) -> Collector:
    """Raises ConfigError where there is no source, or two."""
    patterns = [word.strip() for word in settings.files.split(",") if word.strip()]
    if bool(patterns) == bool(settings.relay):
        chosen = "both" if patterns else "neither is set"
        raise ConfigError(
            "hubble.files and hubble.relay", chosen, "set one: files of the exporter, or relay's host:port"
        )
    places = Places(settings.nodes, settings.networks)
    if settings.relay:
        # gRPC is loaded where it is used; what goes wrong is said in readiness, not by it on stderr.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from collectors.live.hubble.relay import Relay

        return Relay(settings, places, cluster)
    return Files(patterns, places, cluster, settings.poll_seconds)
