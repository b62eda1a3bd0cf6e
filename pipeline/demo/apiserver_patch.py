"""JSON patch (RFC 6902) and merge patch (RFC 7386), as the Kubernetes API server applies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from pipeline.actuator.pointers import parts

Json = Any


class PatchRefused(Exception):
    """An operation cannot be applied, or a test does not hold; nothing of the patch is applied."""


def json_patch(document: Mapping[str, Json], operations: Json) -> dict[str, Json]:
    """The patched copy; add, remove, replace and test."""
    if not isinstance(operations, Sequence) or isinstance(operations, str):
        raise PatchRefused("a JSON patch is a list of operations")
    result = deepcopy(dict(document))
    for operation in operations:
        _apply(result, operation)
    return result


def merge_patch(document: Json, patch: Json) -> Json:
    """The merged copy; null removes a key."""
    if not isinstance(patch, Mapping):
        return deepcopy(patch)
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _apply(document: dict[str, Json], operation: Json) -> None:
    try:
        kind, path = operation["op"], operation["path"]
        *parents, last = parts(path)
    except (TypeError, KeyError, ValueError) as error:
        raise PatchRefused(f"not an operation: {operation!r}") from error
    holder: Json = document
    for part in parents:
        holder = _child(holder, part)
    if kind == "add":
        _add(holder, last, operation.get("value"))
        return
    present = _child(holder, last)
    match kind:
        case "test":
            if present != operation.get("value"):
                raise PatchRefused(f"testing value {path} failed")
        case "replace":
            holder[_index(holder, last)] = deepcopy(operation.get("value"))
        case "remove":
            del holder[_index(holder, last)]
        case _:
            raise PatchRefused(f"unexpected kind: {kind}")


def _index(holder: Json, part: str) -> Any:
    if not isinstance(holder, list):
        return part
    if not part.isdigit() or int(part) >= len(holder):
        raise PatchRefused(f"no index {part}")
    return int(part)


def _child(holder: Json, part: str) -> Json:
    if isinstance(holder, list):
        return holder[_index(holder, part)]
    if not isinstance(holder, dict) or part not in holder:
        raise PatchRefused(f"doc is missing path: {part}")
    return holder[part]


def _add(holder: Json, part: str, value: Json) -> None:
    if isinstance(holder, dict):
        holder[part] = deepcopy(value)
    elif isinstance(holder, list) and (part == "-" or (part.isdigit() and int(part) <= len(holder))):
        holder.insert(len(holder) if part == "-" else int(part), deepcopy(value))
    else:
        raise PatchRefused(f"cannot add at {part}")
