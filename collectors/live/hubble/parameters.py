"""The settings of the Hubble collector: its source, and what is known of where nodes and addresses are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class HubbleSettings:
    files: str = ""
    """Files, folders or patterns of Hubble's exporter, with commas; backups of a file are read with it."""
    relay: str = ""
    """host:port of hubble-relay, instead of files; relay has the flows of all nodes, a file those of one."""
    relay_tls: bool = False
    """Whether relay speaks TLS; its chart leaves that off."""
    relay_cafile: str = ""
    """PEM file of the authority that relay's certificate comes from; empty: those of gRPC."""
    relay_certfile: str = ""
    """PEM file of a certificate of our own, where relay asks for one."""
    relay_keyfile: str = ""
    """PEM file of that certificate's key."""
    relay_server_name: str = ""
    """Name in relay's certificate, where it is not the host of `relay`."""
    nodes: str = ""
    """File with what `kubectl get nodes -o json` prints: zones, addresses and pod ranges; read again when it
    changes."""
    networks: str = ""
    """Ranges that are ours, with commas: `203.0.113.0/24`, or with its place `10.9.0.0/16=region/zone`."""
    poll_seconds: Annotated[float, Bound(0.01, 3_600)] = 1.0
    """Seconds between two looks at files that have nothing new, and the longest that relay's flows wait."""
