"""One name for a GPU model, whatever a driver, an exporter or a price list calls it."""

from __future__ import annotations

import re
from functools import lru_cache

_VENDOR = re.compile(r"^(NVIDIA|TESLA|AMD|INSTINCT)[ _-]+")
_VGPU = re.compile(r"^GRID[ _-]|^VGPU[ _-]|-\d+[ABCQ]$")
_FAMILY = re.compile(
    r"^(?:GEFORCE[ -]|QUADRO[ -])?((?:RTX[ -]?(?:PRO[ -]?)?)?(?:GB|[A-Z]{1,2})?\d{1,4}[A-Z]{0,2}"
    r"(?:[ -](?:ADA|TI|SUPER|SFF|D)\b)*)(?![A-Z0-9])"
)
_GRAPHICS = re.compile(r"(RADEON|GEFORCE|QUADRO|RTX)[ -]")
"""Names of words, which a label of a node joins by hyphens."""
_RTX = re.compile(r"^RTX[ -]?(PRO)?[ -]?")
_SLICE = re.compile(r"[ -]MIG[ -]\d")
_MEMORY = re.compile(r"\b(\d{1,4}) ?GI?B\b")
_VARIANTS = ("NVL", "GH200")
_OWN_NAMES = {"NVIDIA-TESLA-A100": "A100-40GB"}
"""A GKE accelerator whose name does not say what its memory is."""


@lru_cache(maxsize=4096)
def canonical(product_name: str) -> str:
    """`NVIDIA A100-SXM4-80GB` is A100-80GB, `Tesla T4` T4, `NVIDIA H100 NVL` H100-NVL, `GRID A100-40C`
    VGPU A100-40C.

    A vGPU, and a MIG slice that is named like a card, never has the card's name: it is a part of one.
    SXM, PCIe and the edition of an RTX PRO are no part of the name, since price lists rarely tell them; a
    label's hyphens are a driver's spaces: `NVIDIA-RTX-6000-Ada-Generation` is RTX 6000 ADA, as with spaces.
    A name that is not understood is itself, in upper case.
    """
    name = " ".join(product_name.strip().upper().replace("_", "-").split())
    if name in _OWN_NAMES:
        return _OWN_NAMES[name]
    is_vgpu = bool(_VGPU.search(name))
    while (bare := _VENDOR.sub("", name)) != name:
        name = bare
    if is_vgpu:
        return "VGPU " + re.sub(r"^(GRID|VGPU)[ -]", "", name)
    family = _FAMILY.match(name)
    if _SLICE.search(name):
        return name
    if family is None:
        return name.replace("-", " ") if _GRAPHICS.match(name) else name
    rest = name[family.end() :]
    variant = next((v for v in _VARIANTS if re.search(rf"\b{v}\b", rest)), "")
    memory = _MEMORY.search(rest)
    bare = _RTX.sub(lambda found: "RTX PRO " if found[1] else "RTX ", family[1])
    parts = [re.sub(r"[ -]+", " ", bare), variant, f"{memory[1]}GB" if memory and not variant else ""]
    return "-".join(part for part in parts if part)


def names(product_name: str) -> tuple[str, ...]:
    """What a price may call the device: its full name first, then the name without the memory size."""
    full = canonical(product_name)
    if not full:
        return ()
    family = re.sub(r"-\d+GB$", "", full)
    return (full,) if family == full or full.startswith("VGPU ") else (full, family)
