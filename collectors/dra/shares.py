"""What part of a physical device a DRA device is, and what part of it a claim consumes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from collectors.kube_objects import at, mapping, sequence, text
from collectors.quantity import quantity
from pipeline.wire import mig

Amounts = Mapping[str, Fraction]

_NUMBERED = re.compile(r"-?\d+$")


class Share(NamedTuple):
    """`held` of `whole` units."""

    held: int
    whole: int

    def times(self, other: Share) -> Share:
        held, whole = self.held * other.held, self.whole * other.whole
        if whole < 2**62:
            return Share(held, whole)
        reduced = Fraction(held, whole).limit_denominator(2**60)
        return Share(reduced.numerator, reduced.denominator)


WHOLE = Share(1, 1)


def amounts(capacity: object) -> dict[str, Fraction]:
    """Name to amount; a value is a quantity or, in device capacities and counters, an object around one."""
    found = {}
    for name, value in mapping(capacity).items():
        amount = quantity(value.get("value") if isinstance(value, dict) else value)
        if amount is not None and amount >= 0:
            found[name.rpartition("/")[2]] = amount
    return found


def counter_sets(shared: object) -> dict[str, dict[str, Fraction]]:
    """Counters of a pool's physical devices by the name of their set."""
    return {text(mapping(s).get("name")): amounts(at(s, "counters")) for s in sequence(shared)}


def partition_share(consumes: object, sets: Mapping[str, Amounts]) -> Share | None:
    """The dominant share: the largest part of any counter of a set that a device consumes.

    Counters that differ in a trailing number (memory-slice-0, memory-slice-1) are one resource in pieces.
    None where the device consumes no counter that is known.
    """
    parts = [
        part
        for entry in sequence(consumes)
        if (whole := sets.get(text(at(entry, "counterSet")))) is not None
        if (part := _dominant(_in_one(amounts(at(entry, "counters"))), _in_one(whole))) is not None
    ]
    return max(parts, key=_ratio, default=None)


def consumed_share(consumed: object, capacity: Amounts) -> Share | None:
    """The dominant share of what one of several claims on a device consumes of its capacities."""
    return _dominant(amounts(consumed), capacity)


def mig_share(profile: str, gpu_model: str) -> Share:
    """The dominant share of a MIG profile, where the driver publishes no counters."""
    part = mig.share(profile, gpu_model)
    return Share(part.numerator, part.denominator)


def _in_one(counters: Amounts) -> dict[str, Fraction]:
    total: dict[str, Fraction] = defaultdict(Fraction)
    for name, amount in counters.items():
        total[_NUMBERED.sub("", name)] += amount
    return total


def _dominant(held: Amounts, whole: Amounts) -> Share | None:
    parts = [_share(held[name], whole[name]) for name in held if whole.get(name)]
    return max(parts, key=_ratio, default=None)


def _share(held: Fraction, whole: Fraction) -> Share:
    """In the capacity's own unit where both are whole numbers of it, for example bytes."""
    if held.denominator == whole.denominator == 1 and max(held, whole) < 2**62:
        return Share(int(held), int(whole))
    ratio = (held / whole).limit_denominator(2**60)
    return Share(ratio.numerator, ratio.denominator)


def _ratio(share: Share) -> Fraction:
    return Fraction(share.held, share.whole)
