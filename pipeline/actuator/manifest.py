"""Single values of a YAML manifest replaced in its text: comments, order and every other byte stay.  Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from pipeline.actuator.pointers import parts, with_value

MOST_BYTES = 1_048_576
_UNREAD = (yaml.YAMLError, ValueError, RecursionError)
"""A day like 2026-13-45 is a value that nobody can build, and no error of YAML's."""


class Change(NamedTuple):
    """A value at a JSON pointer."""

    at: str
    before: Any
    after: Any


class Unfit(NamedTuple):
    """Why the text cannot be changed so, in words that start with the reason's name."""

    reason: str


def replaced(text: str, kind: str, name: str, changes: Sequence[Change]) -> str | Unfit:
    """The text with each value after in place of before.

    The document is the one of this kind and name, or the only one where it is nobody's: Helm's values have
    neither, and another workload of this kind is not to be changed in its place.
    """
    if len(text.encode()) > MOST_BYTES:
        return Unfit(f"manifest_too_large: more than {MOST_BYTES} bytes")
    try:
        if any(isinstance(t, yaml.AliasToken | yaml.AnchorToken) for t in yaml.scan(text)):
            return Unfit("manifest_aliases: a value that stands in several places is not changed")
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        documents = list(yaml.safe_load_all(text))
    except _UNREAD as error:
        return Unfit(f"manifest_unread: {getattr(error, 'problem', None) or 'it is no YAML'}")
    place = _document(documents, kind, name)
    if isinstance(place, Unfit):
        return place
    wanted, spans = documents[place], []
    for change in changes:
        node = _node(nodes[place], change.at)
        if isinstance(node, Unfit):
            return node
        held = yaml.SafeLoader("").construct_object(node)
        if type(held) is not type(change.before) or held != change.before:
            return Unfit(f"manifest_moved: {change.at} is {held!r}, not {change.before!r}")
        wanted = with_value(wanted, change.at, change.after)
        spans.append((node.start_mark.index, node.end_mark.index, _written(node, change.after)))
    for start, end, value in sorted(spans, reverse=True):
        text = text[:start] + value + text[end:]
    documents[place] = wanted
    if list(yaml.safe_load_all(text)) != documents:
        return Unfit("manifest_shape: the values cannot be replaced without changing others")
    return text


def _document(documents: Sequence[Any], kind: str, name: str) -> int | Unfit:
    filled = {i: d if isinstance(d, dict) else {} for i, d in enumerate(documents) if d is not None}
    ours = [i for i, d in filled.items() if _is(d, kind, name)]
    if len(ours) == 1:
        return ours[0]
    if not ours and len(filled) == 1 and not any(_name(d, kind) for d in filled.values()):
        return next(iter(filled))
    return Unfit(f"manifest_missing: {len(ours)} of {len(filled)} documents are {kind} {name}")


def _is(document: dict[str, Any], kind: str, name: str) -> bool:
    return bool(name) and _name(document, kind) == name


def _name(document: dict[str, Any], kind: str) -> Any:
    """Of an object of this kind; None of any other document."""
    metadata = document.get("metadata")
    return metadata.get("name") if document.get("kind") == kind and isinstance(metadata, dict) else None


def _node(node: yaml.Node, pointer: str) -> yaml.ScalarNode | Unfit:
    """The one value there; a block of lines is none."""
    for part in parts(pointer):
        found: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == part]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit():
            found = node.value[int(part) : int(part) + 1]
        if len(found) != 1:
            return Unfit(f"manifest_missing: there is no {pointer}")
        node = found[0]
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        return Unfit(f"manifest_shape: {pointer} is not a single value on a line")
    return node


def _written(node: yaml.ScalarNode, value: Any) -> str:
    """In the quotes that were there; without any only where that is read as the same value."""
    if not isinstance(value, str):
        return json.dumps(value)
    if node.style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if node.style is None and _plain(value):
        return value
    return yaml.safe_dump(value, default_style='"', width=len(value) * 10 + 10).strip()


def _plain(value: str) -> bool:
    try:
        return bool(yaml.safe_load(f"[{value}]") == [value] and yaml.safe_load(f"k: {value}") == {"k": value})
    except _UNREAD:
        return False
