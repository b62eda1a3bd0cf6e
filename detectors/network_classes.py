"""Network class of a flow, by addresses, nodes, zones and regions: what a cloud would bill it as."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa

from detectors.codes import Integers, Mask, alike, known, text

CLASSES = ("same_zone", "cross_zone", "cross_region", "internet", "unknown")
SAME_ZONE, CROSS_ZONE, CROSS_REGION, INTERNET, UNKNOWN = range(len(CLASSES))


def is_public(address: str) -> bool:
    """Whether an IP address is of the internet; private, loopback, link-local, CGNAT or malformed is not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    found = mapped or ip
    return bool(found.is_global and not found.is_multicast)


class _Seen(dict[str, bool]):
    """`is_public` of the addresses that were asked for; a dictionary answers in half of lru_cache's time."""

    def __missing__(self, address: str) -> bool:
        if len(self) >= _MOST_SEEN:
            self.clear()
        public = self[address] = is_public(address)
        return public


_MOST_SEEN = 65_536
_SEEN = _Seen()


def classes(flows: pa.Table, internal: Mask) -> Integers:
    """Index into CLASSES of each flow; shape (n,).

    Read are source_ and destination_ node, zone, region, and destination_pod and destination_ip;
    `internal` marks public addresses that are known to be ours.
    Labels such as `world` are not asked: most destinations labelled so are private addresses or pods.
    """
    found = np.full(flows.num_rows, UNKNOWN, np.int64)
    both_zones, one_zone = _compare(flows, "zone")
    both_regions, one_region = _compare(flows, "region")
    _, one_node = _compare(flows, "node")
    found[both_zones] = CROSS_ZONE
    found[one_zone | one_node] = SAME_ZONE
    # Zone names repeat between regions on some clouds, so the region speaks last.
    found[both_regions & ~one_region & ~one_node] = CROSS_REGION
    found[_outside(flows) & ~internal] = INTERNET
    return found


def _outside(flows: pa.Table) -> Mask:
    address = text(flows.column("destination_ip"))
    ours = known(flows.column("destination_pod")) | known(flows.column("destination_node"))
    return _public(address.values)[address.codes] & ~ours


def _public(addresses: pa.StringArray) -> Mask:
    asked = addresses.to_pylist()
    return np.fromiter(map(_SEEN.__getitem__, asked), np.bool_, len(asked))


def _compare(flows: pa.Table, part: str) -> tuple[Mask, Mask]:
    """Rows in which both ends' part is known, and rows in which it is known and equal."""
    source, destination = flows.column(f"source_{part}"), flows.column(f"destination_{part}")
    both = known(source) & known(destination)
    return both, both & alike(source, destination)
