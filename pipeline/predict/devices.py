"""What a pod asks for: extended resources, cores and memory of containers, and claims for devices (DRA)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from collectors.quantity import quantity
from pipeline.errors import ConfigError
from pipeline.predict.manifest import Json, count, mapping, namespace, sequence

SHARED = re.compile(r"nvidia\.com/[\w.-]+\.shared")
MIG = re.compile(r"nvidia\.com/mig-(\d+g\.\d+gb)[\w.+-]*")
HAMI_OF = re.compile(r"nvidia\.com/(gpumem|gpumem-percentage|gpucores)")
"""What HAMi gives of each `nvidia.com/gpu` of the same container: MiB, or a percentage of the memory, and of
the cores; without a limit the whole."""
BESIDE = ("cpu", "memory")
GIB = 2**30
NO_GPU = "compute-domain"
"""In the name of a device class: channels between nodes."""


class Part(NamedTuple):
    """Of a card by HAMi: the larger of the two, as the ledger counts it."""

    percent: Fraction
    mebibytes: Fraction = Fraction()


@dataclass(frozen=True, slots=True)
class Resources:
    """Which extended resources are devices, which cost nothing themselves, and what else has a price."""

    is_device: Callable[[str], bool]
    is_free: Callable[[str], bool]
    beside: frozenset[str] = frozenset()
    replicas: Mapping[str, int] = field(default_factory=dict)
    """How many share a device, of resources of which a setting says so."""


Wanted = dict[tuple[str, Part | None], Fraction]


@dataclass(frozen=True, slots=True)
class Ask:
    """So many of one thing: whole devices, `shared` replicas of one, MIG slices of `profile`, parts of a
    card; or cores, or GiB of memory."""

    number: Fraction
    resource: str = "nvidia.com/gpu"
    """Its name in Kubernetes: an extended resource, `cpu` or `memory`."""
    part: Part | None = None
    shared: bool = False
    replicas: int = 0
    """How many share a device, where the settings say so."""
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


def of_pod(spec: Json, known: Resources) -> list[Ask]:
    """The larger of what all its containers ask for and what one of those before them does."""
    main = _sum(sequence(spec.get("containers")), known)
    before = sequence(spec.get("initContainers"))
    beside = _sum([one for one in before if one.get("restartPolicy") == "Always"], known)
    held = {name: main.get(name, Fraction()) + beside.get(name, Fraction()) for name in main | beside}
    for one in before:
        for name, number in _sum([one], known).items():
            held[name] = max(held.get(name, Fraction()), number)
    held |= _sum([spec], known)  # what the pod as a whole requests stands in place of its containers'
    return [_ask(*name, number, known) for name, number in sorted(held.items(), key=str) if number]


def _sum(containers: list[Json], known: Resources) -> Wanted:
    """A request that is not written is its limit."""
    sums: Wanted = {}
    for one in containers:
        asked = {**mapping(one, "resources", "limits"), **mapping(one, "resources", "requests")}
        part = _part(asked)
        for name, value in asked.items():
            if _is_asked(name, known):
                key = (name, part if name == "nvidia.com/gpu" else None)
                sums[key] = sums.get(key, Fraction()) + _number(name, value)
    return sums


def _is_asked(name: str, known: Resources) -> bool:
    """Kubernetes' own resources have no domain; what is not known to cost nothing is asked for."""
    if "/" not in name:
        return name in known.beside
    return not (HAMI_OF.fullmatch(name) or known.is_free(name))


def _part(asked: Json) -> Part | None:
    found = {match[1]: _number(name, v) for name, v in asked.items() if (match := HAMI_OF.fullmatch(name))}
    if not found:
        return None
    cores, mebibytes = found.get("gpucores", Fraction()), found.get("gpumem", Fraction())
    memory = found.get("gpumem-percentage", Fraction(0 if mebibytes else 100))
    return Part(min(max(cores, memory), Fraction(100)), mebibytes)


def _number(name: str, value: object) -> Fraction:
    """Devices, cores or GiB; ConfigError where it is none of them: as nothing it would pass any budget."""
    found = quantity(value)
    if name in BESIDE and found is not None and found >= 0:
        return found / GIB if name == "memory" else found
    if found is None or found < 0 or found.denominator != 1:
        raise ConfigError(name, value, "write a whole number of devices")
    return found


def _ask(name: str, part: Part | None, number: Fraction, known: Resources) -> Ask:
    if name in BESIDE or known.is_device(name):
        found = MIG.fullmatch(name)
        is_shared = SHARED.fullmatch(name) is not None
        profile, replicas = found[1] if found else "", known.replicas.get(name, 0)
        return Ask(number, name, part, shared=is_shared, replicas=replicas, profile=profile)
    remedy = "name it in allocation.resources, or in predict.free_resources if it costs nothing itself"
    return Ask(number, name, problem=f"the resource {name} is not known; {remedy}")


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
