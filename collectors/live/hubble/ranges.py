"""Address ranges and the places that they lie in: the longest that holds an address tells its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from pipeline.errors import ConfigError

Network = IPv4Network | IPv6Network


class Place(NamedTuple):
    """What is known of an address of ours; None is unknown."""

    node: str | None = None
    zone: str | None = None
    region: str | None = None


class Ranges:
    """`find` asks at most once for each length of prefix that occurs."""

    def __init__(self, places: Mapping[Network, Place]) -> None:
        self._places: dict[tuple[int, int], dict[int, Place]] = {}
        for network, place in places.items():
            same_length = self._places.setdefault((network.version, network.prefixlen), {})
            same_length[int(network.network_address)] = place
        self._lengths = sorted(self._places, reverse=True)
        self.find = lru_cache(65_536)(self._find)

    def _find(self, address: str) -> Place | None:
        """The place of an address; None for one of no range, and for what is no address."""
        try:
            ip = ip_address(address)
        except ValueError:
            return None
        ip = getattr(ip, "ipv4_mapped", None) or ip
        for version, length in self._lengths:
            if version == ip.version:
                start = int(ip) >> (ip.max_prefixlen - length) << (ip.max_prefixlen - length)
                if (place := self._places[version, length].get(start)) is not None:
                    return place
        return None


def configured(networks: str) -> dict[Network, Place]:
    """`hubble.networks`.  Raises ConfigError."""
    return dict(_one(word.strip()) for word in networks.split(",") if word.strip())


def _one(word: str) -> tuple[Network, Place]:
    text, _, where = word.partition("=")
    region, _, zone = where.partition("/")
    try:
        return ip_network(text.strip()), Place(None, zone.strip() or None, region.strip() or None)
    except ValueError as error:
        raise ConfigError(
            "hubble.networks", word, f"{error}; write 10.9.0.0/16 or 10.9.0.0/16=r/z"
        ) from error


def networks(texts: Iterable[object]) -> list[Network]:
    """Those that are ranges; an address is a range of its own."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(str(text)))
        except ValueError:
            continue
    return found
