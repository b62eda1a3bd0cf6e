"""Which card each MIG slice of a node is cut from, where a device plugin tells only how many there are.

Slices fit on a card while its compute and its memory last.  Where the number of cut cards is known, slices
are dealt evenly over them, as one layout for all cards gives; else as few cards are taken as hold them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from pipeline.wire import mig

Slice = tuple[str, str]
"""Place in the inventory, and profile."""


def cards(slices: Iterable[Slice], known: int, gpu_model: str) -> dict[str, int]:
    """Number of the card, from 0, by place; there are more than `known` where the slices need more."""
    room = [(Fraction(1), Fraction(1))] * known
    parts = [(place, mig.parts(profile, gpu_model)) for place, profile in slices]
    found = {}
    for place, (compute, memory) in sorted(parts, key=lambda one: (-max(one[1]), -sum(one[1]))):
        free = [n for n, (c, m) in enumerate(room) if c >= compute and m >= memory]
        if free:
            chosen = max(free, key=lambda n: (min(room[n]), -n)) if known else free[0]
        else:
            chosen = len(room)
            room.append((Fraction(1), Fraction(1)))
        room[chosen] = (room[chosen][0] - compute, room[chosen][1] - memory)
        found[place] = chosen
    return found
