"""What putting a spec back does not bring back: moving tags, models without a revision, ConfigMaps.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.actuator.kubernetes import Object
from pipeline.canonical import digest

_REFERENCES = ("configMap", "configMapRef", "configMapKeyRef")
_STORES = ("storageUri", "uri")
_REVISION = ("--revision", "revision")
_MODEL = ("--model", "--model-path", "--model-id")


def unpinned(content: Object) -> tuple[str, ...]:
    """Names in the content that may mean something else by now, each once, in words."""
    return tuple(dict.fromkeys(_loose(content)))


def config_maps(content: Object) -> frozenset[str]:
    """Names of the ConfigMaps that it mounts or takes its environment from."""
    found = (m.get(r) for m in _maps(content) for r in _REFERENCES)
    return frozenset(str(f["name"]) for f in found if isinstance(f, dict) and f.get("name"))


def config_hash(config_map: Object) -> str:
    """SHA-256 of what it holds."""
    return digest({name: config_map.get(name) or {} for name in ("data", "binaryData")})


def _loose(content: Object) -> Iterator[str]:
    for each in _maps(content):
        image = each.get("image")
        if isinstance(image, str) and image and "@sha256:" not in image:
            yield f"image {image}"
        for name in _STORES:
            place = each.get(name)
            if isinstance(place, str) and "://" in place and not _pinned(place):
                yield f"model {place}"
        if each.get("id") and each.get("source", "huggingface") == "huggingface" and "servedName" not in each:
            yield f"model {each['id']}"
        words = [w for w in [*(each.get("command") or ()), *(each.get("args") or ())] if isinstance(w, str)]
        names = [w.partition("=")[0] for w in words]
        if any(n in _MODEL for n in names) and not any(n in _REVISION for n in names):
            yield f"model of container {each.get('name', '-')}, which names no --revision"


def _pinned(place: str) -> bool:
    """hf://org/model:revision, an image by digest, or a volume, which is a state of its own."""
    kind, _, rest = place.partition("://")
    return (kind == "hf" and ":" in rest) or "@sha256:" in rest


def _maps(value: Any) -> Iterator[Object]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _maps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _maps(inner)
