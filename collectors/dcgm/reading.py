"""What one scrape says about one device, and the account of the lines that said it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from collectors.dcgm.devices import Device, Holder
from collectors.dcgm.metrics import COUNTERS, Quantity

Counters: TypeAlias = "Mapping[str, Mapping[str, float]]"
"""By device: totals since the driver was loaded, and the last XID, as the scrape before told them."""


class Reading:
    """What an exporter said about one device in one scrape."""

    __slots__ = ("_values", "holders")

    def __init__(self) -> None:
        self._values: dict[Quantity, list[tuple[Holder | None, float]]] = defaultdict(list)
        self.holders: set[Holder | None] = set()

    def add(self, quantity: Quantity, holder: Holder | None, value: float) -> None:
        self._values[quantity].append((holder, value))
        self.holders.add(holder)

    def value(self, quantity: Quantity) -> float | None:
        """The device's own value: the line without a pod, else the largest of the pods' copies."""
        values = self._values.get(quantity, ())
        own = [v for holder, v in values if holder is None]
        return max(own or [v for _, v in values], default=None)

    def lines(self, quantity: Quantity) -> int:
        return len(self._values.get(quantity, ()))

    @property
    def all_lines(self) -> int:
        return sum(map(len, self._values.values()))

    def counters(self) -> dict[str, float]:
        """What the next scrape's increases are measured from."""
        known = {quantity: self.value(quantity) for quantity in (*COUNTERS, "xid")}
        return {quantity: value for quantity, value in known.items() if value is not None}


class Account:
    """Each line of a device is used once: for its value, as a repeat, or not at all, by name."""

    def __init__(self, reading: Reading, excluded: Counter[str]) -> None:
        self.reading = reading
        self.used = 0
        self._excluded = excluded

    def give(self, quantity: Quantity, value: float | None, otherwise: str = "superseded") -> float | None:
        lines = self.reading.lines(quantity)
        if lines and value is None:
            self._excluded[otherwise] += lines
        elif lines:
            self.used += 1
            if lines > 1:
                self._excluded["device_duplicate"] += lines - 1
        return value


def increase(device: Device, reading: Reading, quantity: Quantity, previous: Counters) -> float | None:
    """Since `previous`; a counter that went down was reset to 0 by a driver reload."""
    now = reading.value(quantity)
    before = previous.get(device.device, {}).get(quantity)
    if now is None or before is None:
        return None
    return now - before if now >= before else now
