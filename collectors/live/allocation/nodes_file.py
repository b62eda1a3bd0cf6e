"""The nodes as a file like what `kubectl get nodes -o json` prints, for whoever asks where an address is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from collectors.live.allocation.nodes import Node
from pipeline.errors import ConfigError


class NodesFile:
    """Its reader sees one whole state or another; it is written anew only when it differs."""

    def __init__(self, file: str) -> None:
        """An empty list where there is no file yet: its reader may be there first.  Raises ConfigError."""
        self._file = Path(file)
        self._written: list[Node] | None = None
        try:
            if not self._file.exists():
                self.write([])
        except OSError as error:
            remedy = f"{error.strerror}; name a file in a folder that can be written"
            raise ConfigError("allocation.nodes_file", file, remedy) from error

    def write(self, nodes: Iterable[Node]) -> None:
        """Raises OSError where the file cannot be written; the next time it is tried again."""
        there = list(nodes)
        if there == self._written:
            return
        items = [_item(one) for one in sorted(there, key=lambda n: n.name)]
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_bytes(msgspec.json.encode({"items": items}))
        new.replace(self._file)
        self._written = there


def _item(node: Node) -> dict[str, object]:
    return {
        "metadata": {"name": node.name, "labels": node.labels},
        "spec": {"podCIDRs": node.ranges},
        "status": {"addresses": [{"type": "InternalIP", "address": one} for one in node.addresses]},
    }
