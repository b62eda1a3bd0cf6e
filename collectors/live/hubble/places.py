"""Where the ends of a flow are: node, zone and region, by what flows, nodes and settings tell of addresses.

Hubble tells the node of an endpoint only in the flows that this node saw.  So what one node tells of its own
addresses is remembered for the flows of others; then the nodes' ranges speak, then those of the settings.
Cilium's labels are not asked: `reserved:world` stands beside pods and private addresses too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collectors.live.hubble.ranges import Network, Place, Ranges, configured, networks
from pipeline.errors import ConfigError

_REMEMBERED = 65_536
_LABEL = "topology.kubernetes.io/"
_PARTS = ("node", "zone", "region")


class Places:
    """`fill` completes flows; it remembers 65,536 addresses, the ones seen last."""

    def __init__(self, nodes_file: str, networks: str) -> None:
        self._file, self._configured = nodes_file, configured(networks)
        self._read_at = -1
        self._nodes: dict[str, Place] = {}
        self._ranges = Ranges(self._configured)
        self._seen: dict[str, str] = {}
        self._read()

    def fill(self, flows: pa.Table) -> pa.Table:
        """The flows with each end's place, where one is known; what Hubble told stays."""
        self._read()
        for side in ("source", "destination"):
            self._remember(flows, side)
        for side in ("source", "destination"):
            flows = self._side(flows, side)
        return flows

    def _side(self, flows: pa.Table, side: str) -> pa.Table:
        by_address, known = self._by_address(flows.column(f"{side}_ip"))
        nodes = pc.coalesce(flows.column(f"{side}_node").cast(pa.string()), by_address["node"])
        by_node = self._by_node(nodes)
        for part in _PARTS:
            told = [flows.column(f"{side}_{part}").cast(pa.string()), by_node[part], by_address[part]]
            flows = _set(flows, f"{side}_{part}", pc.coalesce(*told))
        return _set(flows, "destination_internal", known) if side == "destination" else flows

    def _by_address(self, column: pa.ChunkedArray) -> tuple[dict[str, pa.Array], pa.Array]:
        addresses, codes = _distinct(column)
        places = [self._ranges.find(a) if a else None for a in addresses]
        seen = [self._seen.get(a) for a in addresses]
        found = [
            (p or Place())._replace(node=s or (p.node if p else None)) if s or p else Place()
            for p, s in zip(places, seen, strict=True)
        ]
        known = pa.array([True if p or s else None for p, s in zip(places, seen, strict=True)], pa.bool_())
        return _columns(found, codes), known.take(codes)

    def _by_node(self, column: pa.ChunkedArray) -> dict[str, pa.Array]:
        names, codes = _distinct(column)
        return _columns([self._nodes.get(n, Place(n or None)) for n in names], codes)

    def _remember(self, flows: pa.Table, side: str) -> None:
        """Addresses that their own node told of, and the node's zone where its labels are exported."""
        names = [f"{side}_{name}" for name in ("ip", *_PARTS)]
        told = flows.select(names).filter(pc.is_valid(flows.column(f"{side}_node")))
        for row in told.group_by(names, use_threads=False).aggregate([]).to_pylist():
            address, *place = (row[name] for name in names)
            if address:
                self._seen.pop(address, None)
                self._seen[address] = place[0]
            if place[1] or place[2]:
                self._nodes[place[0]] = Place(*place)
        for kept in (self._seen, self._nodes):
            while len(kept) > _REMEMBERED:
                del kept[next(iter(kept))]

    def _read(self) -> None:
        """The nodes' file, where it is new."""
        if not self._file:
            return
        try:
            changed = Path(self._file).stat().st_mtime_ns
            if changed == self._read_at:
                return
            listed = msgspec.json.decode(Path(self._file).read_bytes())
            nodes = [node for item in listed["items"] for node in _node(item)]
        except (OSError, msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
            if self._read_at >= 0:
                return  # it is being written; what was read holds until it is whole
            remedy = f"{error}; write there what `kubectl get nodes -o json` prints"
            raise ConfigError("hubble.nodes", self._file, remedy) from error
        self._read_at = changed
        self._nodes.update({place.node: place for _, place in nodes if place.node})
        self._ranges = Ranges({network: place for network, place in nodes} | self._configured)


def _node(item: Mapping[str, Any]) -> list[tuple[Network, Place]]:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    labels = metadata.get("labels") or {}
    place = Place(metadata["name"], labels.get(f"{_LABEL}zone"), labels.get(f"{_LABEL}region"))
    told = spec.get("podCIDRs") or [spec.get("podCIDR")]
    told += [a["address"] for a in status.get("addresses") or [] if a["type"] in ("InternalIP", "ExternalIP")]
    return [(network, place) for network in networks(told)]


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], pa.Array]:
    encoded = pc.fill_null(column.cast(pa.string()), "").combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices


def _columns(places: list[Place], codes: pa.Array) -> dict[str, pa.Array]:
    return {
        part: pa.array([place[at] for place in places], pa.string()).take(codes)
        for at, part in enumerate(_PARTS)
    }


def _set(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column.cast(table.schema.field(at).type))
