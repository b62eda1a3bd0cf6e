"""Which field of a foreign topic's values is which column of ours, from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.events import TYPES
from pipeline.sections import Section
from pipeline.yaml_file import document, read_text

Place = tuple[str, ...]
"""Keys on the way from the value's top to a field; a number is a place in a list."""

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Mapped:
    """One topic; each value is an object or an array of objects."""

    event: str
    """inference or label."""
    places: Mapping[str, Place]
    constants: Mapping[str, str]
    scale: Mapping[str, float]
    """Factors by which numbers become our units: 0.001 for milliseconds."""
    features: Place | None = None
    """Place of an object of features."""
    named_features: Mapping[str, Place] = field(default_factory=dict)
    time_unit: str = "ms"
    """Unit of a time that is a number; a text is RFC 3339."""


def load(file: str) -> dict[str, Mapped]:
    """By topic.  Raises NotFound, or ConfigError that names the key."""
    if not file:
        raise ConfigError("inference_topics.map_file", file, "name a YAML file with the topics to read")
    top = Section("", document(read_text(Path(file)), as_text=True))
    topics = top.section("topics")
    names = topics.names()
    if not names:
        raise ConfigError("topics", {}, "name at least one topic")
    found = {name: _mapped(topics.section(name)) for name in names}
    top.done()
    return found


def _mapped(section: Section) -> Mapped:
    event = section.choice("event", ("inference", "label"), "inference")
    known = {c.name: c for c in TYPES[event].columns if c.kind != "features"}
    places = _places(section, "columns", known)
    constants = section.section("constants", required=False)
    said = {name: constants.text(name) for name in _known(constants, known)}
    scale = section.section("scale", required=False)
    factors = {name: _number(scale, name) for name in _known(scale, known)}
    features, named = _features(section)
    mapped = Mapped(
        event, places, said, factors, features, named, section.choice("time_unit", tuple(PER_SECOND), "ms")
    )
    section.done()
    for name, column in known.items():
        # A message has a time of its own, where the value has none.
        if column.required and name != "time" and name not in {**places, **said}:
            raise ConfigError(section.key("columns"), sorted(places), f"say where {name} is, or a constant")
    return mapped


def _features(section: Section) -> tuple[Place | None, dict[str, Place]]:
    if not section.has("features"):
        return None, {}
    try:
        named = section.section("features")
    except ConfigError:
        return _place(section, "features"), {}
    return None, {name: _place(named, name) for name in named.names()}


def _places(section: Section, name: str, known: Mapping[str, object]) -> dict[str, Place]:
    below = section.section(name)
    return {column: _place(below, column) for column in _known(below, known)}


def _known(section: Section, known: Mapping[str, object]) -> list[str]:
    for name in section.names():
        if name not in known:
            remedy = f"there is no such column; write one of {', '.join(known)}"
            raise ConfigError(section.key(name), name, remedy)
    return section.names()


def _number(section: Section, name: str) -> float:
    text = section.text(name)
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not (isfinite(found) and found > 0):
        raise ConfigError(section.key(name), text, "write a positive number")
    return found


def _place(section: Section, name: str) -> Place:
    """`a.b.0`, or a list of keys where a key has a dot."""
    try:
        return tuple(section.text(name).split("."))
    except ConfigError:
        return tuple(str(key) for key in section.sequence(name))
