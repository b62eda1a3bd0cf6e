"""What part of its card a MIG profile is: the larger of its compute and its memory slices (dominant share).

Slices by profile: NVIDIA's MIG user guide, "Supported MIG Profiles".  AMD's partitions are equal
parts, of a number that its compute mode tells: AMD SMI's guide "GPU partitioning".
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

COMPUTE_SLICES, MEMORY_SLICES = 7, 8
"""Of a card, but for these, whose profiles have as many parts of the memory as of the compute."""
_FEWER_SLICES = (("A30", 4), ("RTX PRO 6000", 4), ("RTX PRO 5000", 2), ("RTX PRO 4500", 2))
_SIZES = (1, 2, 4, 8)
"""How many memory slices a profile can have; names round the memory of one."""

_AMD = re.compile(r"(spx|dpx|tpx|qpx|cpx)(?:[_-]nps\d+)?", re.IGNORECASE)
_AMD_PARTS = {"spx": 1, "dpx": 2, "tpx": 3, "qpx": 4, "cpx": 8}
_COMPUTE_DIES = (("MI300A", 6),)
"""Where CPX makes another number of parts: as many as a card has compute dies."""

_PROFILE = re.compile(r"(?:^|\.)(\d+)g\.(\d+)gb")
_MEMORY = re.compile(r"(\d+) ?GI?B\b", re.IGNORECASE)
_CARD_GB = (
    ("H100 NVL", 94), ("H100", 80), ("H200", 141), ("B200", 180), ("B300", 269), ("H20 3e", 141), ("H20", 96)
)  # fmt: skip
_OF_ITS_CPU = (("GH200 480GB", 96),)
"""Cards whose name tells the memory beside them."""
_MEMORY_OF = {1: 1, 2: 2, 3: 4, 4: 4, 7: 8}
"""Memory slices by compute slices, where the card's memory is not known."""


def compute_slices(profile: str | None) -> int:
    """3 of `3g.40gb`; 1 where it does not say."""
    return max(1, int(match[1])) if (match := _PROFILE.search(profile or "")) else 1


def share(profile: str, gpu_model: str) -> Fraction:
    """1g.5gb of an A100-40GB is 1/7, 1g.10gb of it 1/4 (two of eight memory slices), 3g.20gb 1/2."""
    return max(parts(profile, gpu_model))


@lru_cache(maxsize=1024)
def parts(profile: str, gpu_model: str) -> tuple[Fraction, Fraction]:
    """Of the card's compute and of its memory."""
    if (mode := _AMD.fullmatch(profile)) is not None:
        part = Fraction(1, _amd_parts(mode[1].lower(), gpu_model))
        return part, part
    compute, whole = compute_slices(profile), Fraction(1)
    gpu_model = gpu_model.replace("-", " ")  # as in the labels of nodes
    if slices := next((slices for name, slices in _FEWER_SLICES if name in gpu_model), 0):
        equal = min(Fraction(compute, slices), whole)
        return equal, equal
    memory = _memory_slices(profile, gpu_model, compute)
    return min(Fraction(compute, COMPUTE_SLICES), whole), min(Fraction(memory, MEMORY_SLICES), whole)


def is_profile(text: str) -> bool:
    return _PROFILE.search(text) is not None


def is_known(profile: str) -> bool:
    """Whether it says how large it is, of either vendor's cards."""
    return is_profile(profile) or _AMD.fullmatch(profile) is not None


def _amd_parts(mode: str, gpu_model: str) -> int:
    dies = next((dies for name, dies in _COMPUTE_DIES if name in gpu_model), _AMD_PARTS["cpx"])
    return dies if mode == "cpx" else _AMD_PARTS[mode]


def _memory_slices(profile: str, gpu_model: str, compute: int) -> int:
    match, card = _PROFILE.search(profile), card_gb(gpu_model)
    told = Fraction(int(match[2]) * MEMORY_SLICES, card) if match and card else Fraction(0)
    if not told:
        return _MEMORY_OF.get(compute, compute)
    return min(_SIZES, key=lambda size: max(size / told, told / size))


def card_gb(gpu_model: str) -> int | None:
    """Memory of a card, as its name tells it."""
    gpu_model = gpu_model.replace("-", " ").partition("MIG")[0]  # a slice may be named like its card
    told = _MEMORY.search(gpu_model)
    known = _OF_ITS_CPU if told else _CARD_GB
    found = next((gb for name, gb in known if name in gpu_model), None)
    return int(told[1]) if found is None and told else found
