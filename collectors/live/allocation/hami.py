"""HAMi's annotations: the devices that a node registers, and the parts of them that a pod was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec


class Registered(NamedTuple):
    uuid: str
    memory: int
    """MiB; 0 where it is not told."""
    model: str


class Part(NamedTuple):
    """Of one device, for the container of this place in the pod."""

    container: int
    uuid: str
    memory: int
    """MiB; 0 is the whole."""
    cores: int
    """Percent; 0 is no limit."""


class _Device(msgspec.Struct):
    id: str = ""
    devmem: int = 0
    type: str = ""


_DEVICES = msgspec.json.Decoder(list[_Device])


def registered(annotations: Mapping[str, str]) -> tuple[Registered, ...]:
    """JSON in newer versions, before `id,count,memory,cores,type,numa,health` with colons between devices."""
    found: list[Registered] = []
    for name, text in sorted(annotations.items()):
        if name.startswith("hami.io/node-") and name.endswith("-register"):
            found += _json(text) if text.lstrip().startswith("[") else _text(text)
    return tuple(found)


def _json(text: str) -> Iterator[Registered]:
    try:
        devices = _DEVICES.decode(text)
    except msgspec.DecodeError:
        return
    yield from (Registered(d.id, max(d.devmem, 0), d.type) for d in devices if d.id)


def _text(text: str) -> Iterator[Registered]:
    for device in text.split(":"):
        fields = device.split(",")
        if len(fields) >= 5 and fields[0]:
            yield Registered(fields[0], _number(fields[2]) or 0, fields[4])


def parts(text: str) -> list[Part] | None:
    """`uuid,type,memory,cores`, a colon after each device, a semicolon after each container; None if not."""
    found = []
    for place, container in enumerate(text.split(";")):
        for device in container.split(":"):
            fields = [f.strip() for f in device.split(",")]
            if fields == [""]:
                continue
            memory = _number(fields[2]) if len(fields) >= 4 else None
            cores = _number(fields[3]) if len(fields) >= 4 else None
            if memory is None or cores is None or not fields[0]:
                return None
            found.append(Part(place, fields[0], memory, cores))
    return found


def share(part: Part, whole_memory: int) -> tuple[int, int]:
    """The larger of its parts of memory and of cores, as units held of units; no limit is the whole."""
    memory = (min(part.memory, whole_memory), whole_memory) if part.memory and whole_memory else (0, 1)
    cores = (min(part.cores, 100), 100)
    held, whole = memory if memory[0] * cores[1] >= cores[0] * memory[1] else cores
    return (held, whole) if held else (1, 1)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
