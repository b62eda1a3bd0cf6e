"""Manifests as Kustomize and Helm print them: the objects of all documents, lists taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pipeline.errors import ConfigError

MOST_BYTES = 16_777_216

Json = dict[str, Any]


def objects(text: str) -> list[Json]:
    """ConfigError where it is no YAML of objects, too large, or has an alias: it may unfold to gigabytes."""
    if len(text.encode()) > MOST_BYTES:
        raise ConfigError("-f", f"{len(text)} characters", f"give at most {MOST_BYTES} bytes at a time")
    try:
        for token in yaml.scan(text):
            if isinstance(token, yaml.AliasToken):
                line = token.start_mark.line + 1
                raise ConfigError("-f", f"*{token.value}", f"line {line}: write it out; aliases are not read")
        return [found for document in yaml.safe_load_all(text) for found in _apart(_object(document))]
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(
            "-f", getattr(error, "problem", None) or str(error), f"{where}write YAML"
        ) from error


def _object(document: object) -> object:
    """Nothing between two separators is nothing; a gate that let anything else pass would be none."""
    if document is not None and not (isinstance(document, dict) and document.get("kind")):
        raise ConfigError("-f", str(document)[:60], "give objects of Kubernetes, each with its kind")
    return document


def _apart(document: object) -> Iterator[Json]:
    if not isinstance(document, dict):
        return
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _apart(item)
    elif document.get("kind"):
        yield document


def mapping(value: object, *path: str) -> Json:
    """The mapping at the path; empty where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def namespace(found: Json, default: str) -> str:
    return str(mapping(found, "metadata").get("namespace") or default)
