"""Labels of the observing node, which repeat from flow to flow: those that are alike, decoded once."""

from __future__ import annotations

import msgspec

from collectors.hubble.lines import BAD_JSON, NULL, refused
from collectors.hubble.packed import Texts
from pipeline.events import Rejected

_ZONE = "topology.kubernetes.io/zone="
_REGION = "topology.kubernetes.io/region="
_NOWHERE = ("", "")
_DECODER = msgspec.json.Decoder(list[str] | None)


class _Places(dict[bytes, tuple[str, str]]):
    """Zone and region by the labels' JSON."""

    def __init__(self) -> None:
        super().__init__({bytes(NULL): _NOWHERE})
        self.errors: dict[bytes, Exception] = {}

    def __missing__(self, text: bytes) -> tuple[str, str]:
        try:
            labels = _DECODER.decode(text) or []
        except BAD_JSON as error:
            self.errors[text], labels = error, []
        found = self[text] = _told(labels, _ZONE), _told(labels, _REGION)
        return found


class Labels:
    """Zone and region of each flow's node, where its labels are exported."""

    def __init__(self) -> None:
        self.zone, self.region = Texts(), Texts()
        self.refused: dict[int, Rejected] = {}
        """Of the flows by their place."""
        self._places = _Places()
        self._count = 0

    def add(self, raws: list[msgspec.Raw]) -> None:
        if raws[0] is NULL and raws.count(NULL) == len(raws):
            self.zone.add_nothing(len(raws))
            self.region.add_nothing(len(raws))
        else:
            # One file tells of one node: to compare its labels costs a tenth of finding each flow's.
            if raws.count(raws[0]) == len(raws):
                places = [self._places[bytes(raws[0])]] * len(raws)
            else:
                places = [self._places[bytes(raw)] for raw in raws]
            self.zone.add([zone for zone, _ in places])
            self.region.add([region for _, region in places])
        if self._places.errors:
            for place, raw in enumerate(raws, self._count):
                error = self._places.errors.get(bytes(raw))
                if error is not None:
                    self.refused[place] = refused(error, None, "node_labels")
        self._count += len(raws)


def _told(labels: list[str], prefix: str) -> str:
    return next((text[len(prefix) :] for text in labels if text.startswith(prefix)), "")
