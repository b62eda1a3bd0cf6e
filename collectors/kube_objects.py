"""Kubernetes objects of a JSON or YAML file, and readings of them that take wrong types as absent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from collectors.json_lines import values
from pipeline.events import Rejected

Json = Mapping[str, Any]


_WATCHED = ("ADDED", "MODIFIED")
"""What a watch (`kubectl get -w --output-watch-events`) says of an object that is there."""


class Owner(NamedTuple):
    kind: str
    name: str
    uid: str


class _Yaml(yaml.CSafeLoader):
    """Times stay the text that they are in JSON."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def load_objects(data: bytes) -> tuple[list[Json], list[Rejected]]:
    """Objects of one document, of a list, or of documents one after the other as `kubectl get -w` writes.

    What does not begin as JSON is read as YAML; an alias is refused: a few bytes of them are gigabytes.
    """
    objects: list[Json] = []
    rejected: list[Rejected] = []
    try:
        content = data.decode("utf-8-sig").lstrip()
        for document in _documents(content) if content[:1] in ("{", "[", '"') else _yaml_documents(content):
            _collect(document, objects, rejected)
    except (ValueError, RecursionError) as error:
        rejected.append(Rejected("malformed", str(error)[:200]))
    except yaml.YAMLError as error:
        rejected.append(Rejected("malformed", re.sub(r"\s+", " ", str(error))[:200]))
    return objects, rejected


def _documents(text: str) -> Iterator[Any]:
    return (document for document, _ in values(text))


def _yaml_documents(text: str) -> Iterator[Any]:
    """Nothing between two separators is nothing."""
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise ValueError(f"line {token.start_mark.line + 1}: *{token.value}: aliases are not read")
    for document in yaml.load_all(text, Loader=_Yaml):  # noqa: S506  a SafeLoader
        if document is not None:
            yield document


def _collect(document: Any, objects: list[Json], rejected: list[Rejected]) -> None:
    if isinstance(document, list):
        for item in document:
            _collect(item, objects, rejected)
    elif not isinstance(document, dict) or not isinstance(document.get("kind", ""), str):
        rejected.append(Rejected("wrong_type", "not a Kubernetes object"))
    elif isinstance(document.get("object"), dict) and document.get("type") in _WATCHED:
        _collect(document["object"], objects, rejected)
    elif document.get("kind", "").endswith("List"):
        for item in sequence(document.get("items")):
            _collect(_named_by(document, item), objects, rejected)
    elif not document.get("kind"):
        rejected.append(Rejected("missing_field", f"no kind{_watched(document)}"))
    else:
        objects.append(document)


def _named_by(listed: Json, item: Any) -> Any:
    """The API server's own lists (`kubectl get --raw`, curl) name their items' kind once, in their own."""
    kind = listed["kind"].removesuffix("List")
    if not isinstance(item, dict) or "kind" in item or not kind:
        return item
    return {"apiVersion": listed.get("apiVersion"), "kind": kind, **item}


def _watched(document: Json) -> str:
    """When an object was gone is not in what a watch says of it."""
    return f"; {document['type']} of a watch tells no time" if text(document.get("type")) else ""


def mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """The string; '' where it is absent, not a string, or not UTF-8."""
    if not isinstance(value, str) or not value.isascii() and not _encodes(value):
        return ""
    return value


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def at(value: object, *path: str) -> Any:
    """The value below `path`; None where a step is missing."""
    for step in path:
        value = mapping(value).get(step)
    return value


def instant(value: object) -> datetime | None:
    """RFC 3339 time as naive UTC; None where it is none."""
    return _instant(value) if isinstance(value, str) else None


@lru_cache(4_096)
def _instant(value: str) -> datetime | None:
    """An object tells few times over and over, and what they are is asked for each of its changes."""
    try:
        parsed = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None


def owner(value: Json) -> Owner | None:
    """The controlling owner of an object; where none controls, the first."""
    references = [mapping(r) for r in sequence(at(value, "metadata", "ownerReferences"))]
    chosen = next((r for r in references if r.get("controller") is True), next(iter(references), None))
    if chosen is None or not text(chosen.get("kind")) or not text(chosen.get("name")):
        return None
    return Owner(text(chosen["kind"]), text(chosen["name"]), text(chosen.get("uid")))


def revision(value: Json, observed: datetime) -> int:
    """resourceVersion, which grows with each change (KEP-5504); else generation; else time seen, in us."""
    version = text(at(value, "metadata", "resourceVersion"))
    if version.isascii() and version.isdigit() and len(version) < 19:
        return int(version)
    generation = at(value, "metadata", "generation")
    if isinstance(generation, int) and not isinstance(generation, bool) and 0 < generation < 2**62:
        return generation
    return int((observed - datetime(1970, 1, 1)).total_seconds() * 1e6)
