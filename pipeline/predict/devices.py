"""What GPUs a pod asks for: extended resources of its containers, and claims for devices (DRA)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from collectors.quantity import quantity
from pipeline.errors import ConfigError
from pipeline.predict.manifest import Json, count, mapping, namespace, sequence

WHOLE = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe")
SHARED = re.compile(r"nvidia\.com/[\w.-]+\.shared")
MIG = re.compile(r"nvidia\.com/mig-(\d+g\.\d+gb)[\w.+-]*")
NO_GPU = "compute-domain"
"""In the name of a device class: channels between nodes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """So many of one thing: whole devices, `shared` replicas of one, or MIG slices of `profile`."""

    number: Fraction
    shared: bool = False
    profile: str = ""
    gpu_model: str = ""
    """What the settings say of the device class."""
    problem: str = ""
    """Why it is not known what this is."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims and templates of the file by kind, namespace and name; models by device class."""

    specs: Mapping[tuple[str, str, str], Json] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)


def classes(text: str) -> dict[str, str]:
    """`gpu.nvidia.com=NVIDIA H100,mig-small=NVIDIA A100-SXM4-40GB/1g.5gb`; ConfigError."""
    pairs = [part.strip() for part in text.split(",") if part.strip()]
    if any("=" not in pair for pair in pairs):
        remedy = "write DEVICECLASS=GPU MODEL, or DEVICECLASS=GPU MODEL/MIG PROFILE, with commas between"
        raise ConfigError("predict.device_classes", text, remedy)
    return {pair.partition("=")[0].strip(): pair.partition("=")[2].strip() for pair in pairs}


def claims(found: list[Json], default: str, known: Mapping[str, str]) -> Claims:
    specs = {}
    for one in found:
        kind, name = str(one["kind"]), str(mapping(one, "metadata").get("name", ""))
        if kind == "ResourceClaimTemplate":
            specs[kind, namespace(one, default), name] = mapping(one, "spec", "spec")
        elif kind == "ResourceClaim":
            specs[kind, namespace(one, default), name] = mapping(one, "spec")
    return Claims(specs, known)


def of_pod(spec: Json) -> list[Ask]:
    """The larger of what all its containers ask for and what one of those before them does."""
    main = _sum(sequence(spec.get("containers")))
    before = sequence(spec.get("initContainers"))
    beside = _sum([one for one in before if one.get("restartPolicy") == "Always"])
    held = {name: main.get(name, Fraction()) + beside.get(name, Fraction()) for name in main | beside}
    for one in before:
        for name, number in _sum([one]).items():
            held[name] = max(held.get(name, Fraction()), number)
    return [_ask(name, number) for name, number in sorted(held.items()) if number]


def _sum(containers: list[Json]) -> dict[str, Fraction]:
    """A request that is not written is its limit."""
    sums: dict[str, Fraction] = {}
    for one in containers:
        asked = {**mapping(one, "resources", "limits"), **mapping(one, "resources", "requests")}
        for name, value in asked.items():
            if name in WHOLE or SHARED.fullmatch(name) or MIG.fullmatch(name):
                sums[name] = sums.get(name, Fraction()) + _whole(name, value)
    return sums


def _whole(name: str, value: object) -> Fraction:
    """ConfigError where it is no number of devices: as nothing it would pass any budget."""
    found = quantity(value)
    if found is None or found < 0 or found.denominator != 1:
        raise ConfigError(name, value, "write a whole number of devices")
    return found


def _ask(name: str, number: Fraction) -> Ask:
    found = MIG.fullmatch(name)
    return Ask(number, shared=SHARED.fullmatch(name) is not None, profile=found[1] if found else "")


def of_claims(spec: Json, where: str, known: Claims) -> Iterator[tuple[str, list[Ask]]]:
    """Each claim's name and devices; the name is '' where every pod gets its own."""
    for claim in sequence(spec.get("resourceClaims")):
        source = {**claim, **mapping(claim, "source")}
        template, name = source.get("resourceClaimTemplateName"), source.get("resourceClaimName")
        kind = "ResourceClaimTemplate" if template else "ResourceClaim"
        found = known.specs.get((kind, where, str(template or name)))
        if found is None:
            problem = f"{kind} {template or name} is not in the file; add it"
            yield "" if template else str(name), [Ask(Fraction(1), problem=problem)]
        else:
            asked = [_device(one, known) for one in sequence(mapping(found, "devices").get("requests"))]
            yield "" if template else str(name), [ask for ask in asked if ask]


def _device(request: Json, known: Claims) -> Ask | None:
    """Of several that would do, the first, which the scheduler tries first."""
    first = sequence(request.get("firstAvailable"))
    exact = mapping(request, "exactly") or (first[0] if first else request)
    name = str(exact.get("deviceClassName", ""))
    if exact.get("adminAccess") or NO_GPU in name:
        return None
    number = Fraction(count(exact.get("count"), 1))
    if exact.get("allocationMode") == "All":
        return Ask(number, problem="it claims all devices of a node; write how many with count")
    if name in known.classes:
        model, _, profile = known.classes[name].partition("/")
        return Ask(number, profile=profile, gpu_model=model)
    if name in ("gpu.nvidia.com", "gpu.amd.com"):
        return Ask(number)
    remedy = f"--set 'predict.device_classes={name}=GPU MODEL'"
    return Ask(number, problem=f"the device class {name} is not known; say what it is with {remedy}")
