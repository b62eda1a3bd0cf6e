"""What one scrape says about one device, and the account of the lines that said it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from collectors.dcgm.devices import Device, Holder
from collectors.dcgm.metrics import COUNTERS, Quantity

PER_PROCESS: tuple[Quantity, ...] = ("engine_ratio", "util_ratio", "memory_used")
"""What an exporter can tell of single processes: with --kubernetes-virtual-gpus, newer ones do."""

Counters: TypeAlias = "Mapping[str, Mapping[str, float]]"
"""By device: totals since the driver was loaded, and the last XID, as the scrape before told them; of XIDs by
their code those that were counted by then (`xid_total/31`), and WATCHED."""
WATCHED = "xid_watched"
"""Stands where counts of XIDs by code were looked for: a code that is not there had not come."""


class Reading:
    """What an exporter said about one device in one scrape."""

    __slots__ = ("_values", "holders")

    def __init__(self) -> None:
        self._values: dict[str, list[tuple[Holder | None, float]]] = defaultdict(list)
        self.holders: set[Holder | None] = set()

    def add(self, quantity: str, holder: Holder | None, value: float, label: str | None = None) -> None:
        """`label` tells it from others of this quantity and device."""
        self._values[quantity if label is None else f"{quantity}/{label}"].append((holder, value))
        self.holders.add(holder)

    def by_label(self, quantity: Quantity) -> dict[str, float]:
        """Its values, under `quantity/label`."""
        names = [name for name in self._values if name.startswith(f"{quantity}/")]
        return {name: value for name in names if (value := self.value(name)) is not None}

    def value(self, quantity: str) -> float | None:
        """The device's own value: the line without a pod, else the largest of the pods' copies, or the sum of
        what each pod's processes did.
        """
        values = self._values.get(quantity, ())
        own = [v for holder, v in values if holder is None]
        if not own and (each := self.of_pods(quantity)):
            return sum(each.values())
        return max(own or [v for _, v in values], default=None)

    def of_pods(self, quantity: str) -> dict[Holder, float]:
        """What each pod's processes did where the exporter measures it; empty where it repeats the device's.

        A repeated value is the same under every pod, so values that differ are each pod's own
        (dcgm-exporter pull request 594).
        """
        values = self._values.get(quantity, ()) if quantity in PER_PROCESS else ()
        each = {holder: value for holder, value in values if holder is not None}
        return each if len(each) == len(values) and len(set(each.values())) > 1 else {}

    def lines(self, quantity: str) -> int:
        return len(self._values.get(quantity, ()))

    @property
    def all_lines(self) -> int:
        return sum(map(len, self._values.values()))

    def counters(self) -> dict[str, float]:
        """What the next scrape's increases are measured from."""
        known = {quantity: self.value(quantity) for quantity in (*COUNTERS, "xid")}
        told = {quantity: value for quantity, value in known.items() if value is not None}
        return told | self.by_label("xid_total") | self.by_label("xid_recent") | {WATCHED: 0.0}


class Account:
    """Each line of a device is used once: for its value, as a repeat, or not at all, by name."""

    def __init__(self, reading: Reading, excluded: Counter[str]) -> None:
        self.reading = reading
        self.used = 0
        self._excluded = excluded

    def give(self, quantity: str, value: float | None, otherwise: str = "superseded") -> float | None:
        lines = self.reading.lines(quantity)
        if lines and value is None:
            self._excluded[otherwise] += lines
        elif lines:
            self.used += 1
            repeats = 0 if self.reading.of_pods(quantity) else lines - 1
            self.used += lines - 1 - repeats
            if repeats:
                self._excluded["device_duplicate"] += repeats
        return value


def increase(device: Device, reading: Reading, quantity: Quantity, previous: Counters) -> float | None:
    """Since `previous`; a counter that went down was reset to 0 by a driver reload."""
    now = reading.value(quantity)
    before = previous.get(device.device, {}).get(quantity)
    if now is None or before is None:
        return None
    return now - before if now >= before else now
