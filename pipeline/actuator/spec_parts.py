"""Parts of a spec that a rollback leaves as they are: how many replicas there are, where traffic goes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pipeline.actuator.kubernetes import Object

Path = tuple[str, ...]


def without(spec: Object, *paths: Path) -> Object:
    """A copy of the spec that says nothing of these parts."""
    copy = deepcopy(spec)
    for path in paths:
        _parent(copy, path).pop(path[-1], None)
    return copy


def with_live(kept: Object, live: Object, *paths: Path) -> Object:
    """A copy of the kept spec with these parts as they are now; one that has no place in it is left away."""
    copy = deepcopy(kept)
    for path in paths:
        found = _parent(live, path)
        if path[-1] in found:
            _parent(copy, path)[path[-1]] = deepcopy(found[path[-1]])
    return copy


def at(spec: Object, *path: str) -> Any:
    """What stands there; None where nothing does."""
    return _parent(spec, path).get(path[-1])


def label_of(metadata: Any, label: str) -> str:
    """A label of a pod template's metadata, or of a spec that holds labels; '' for none."""
    return str(((metadata or {}).get("labels") or {}).get(label, ""))


def _parent(spec: Object, path: Path) -> Object:
    for name in path[:-1]:
        found = spec.get(name)
        spec = {} if found is None else found
    return spec
