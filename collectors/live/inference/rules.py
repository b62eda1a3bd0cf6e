"""What may leave the collector of a model's events: features chosen, named, or kept back as sensitive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.events import TYPES
from pipeline.sections import Section
from pipeline.yaml_file import document, read_text

ANY = "*"
_OPTIONAL = frozenset(
    c.name for name in ("inference", "label") for c in TYPES[name].columns if not c.required
) - {"features"}


@dataclass(frozen=True, slots=True)
class Rule:
    """For one model.  A name in `sensitive` is dropped under its old and its new name."""

    columns: tuple[str, ...] = ()
    """Names of features that a server sends by position only."""
    rename: Mapping[str, str] = field(default_factory=dict)
    keep: frozenset[str] | None = None
    """Features that are kept, by their new names; None: all that are not sensitive."""
    sensitive: frozenset[str] = frozenset()
    """Features, and optional columns of the event, that never leave."""
    model: str | None = None
    version: str | None = None
    """Name of the model, and its version where the server does not say one."""
    knows_places: bool = True
    """False: values without a name may be any model's, also one that names them by their places."""

    def keeps_back(self, name: str) -> bool:
        return name in self.sensitive or self.rename.get(name, name) in self.sensitive

    def feature(self, name: str) -> str | None:
        """The name under which a feature leaves, None where it does not."""
        new = self.rename.get(name, name)
        return new if not self.keeps_back(name) and (self.keep is None or new in self.keep) else None

    def by_place(self, width: int, prefix: str) -> Sequence[str] | None:
        """Names of values that a server sends without: `columns`, else the prefix and the place.

        None, and they are no features, where a sensitive one is among them and nobody knows its place.
        """
        if len(self.columns) == width:
            return self.columns
        if not self.knows_places or any(map(self.keeps_back, self.columns)):
            return None
        return [f"{prefix}_{i}" for i in range(width)]

    def features(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {new: value for name, value in given.items() if (new := self.feature(name)) is not None}

    @property
    def hidden(self) -> frozenset[str]:
        """Optional columns of an event that never leave."""
        return self.sensitive & _OPTIONAL

    def visible(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of an event that leave."""
        hidden = self.hidden
        return {name: value for name, value in row.items() if name not in hidden}


@dataclass(frozen=True, slots=True)
class Rules:
    by_model: Mapping[str, Rule] = field(default_factory=dict)

    def of(self, model: str | None) -> Rule:
        """Where the model is not known yet: without what is sensitive in any rule, else as it came."""
        fallback = self.by_model.get(ANY, _NOTHING)
        if model is not None or self.by_model.keys() <= {ANY}:
            return self.by_model.get(model or ANY, fallback)
        every = list(self.by_model.values())
        renamed = {old for rule in every for old in rule.rename if rule.keeps_back(old)}
        return Rule(
            sensitive=frozenset(renamed).union(*(rule.sensitive for rule in every)),
            model=fallback.model,
            version=fallback.version,
            knows_places=not any(rule.columns for rule in every),
        )

    def features(self, model: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """What leaves of an event of which nothing else will tell the model: "*" may name it."""
        waited, rule = self.of(model), self.of(model or ANY)
        return rule.features(given if waited == rule else waited.features(given))


_NOTHING = Rule()


def load(file: str) -> Rules:
    """The rules of a YAML file, `models: {NAME or "*": {...}}`; no rules where the name is empty.

    "*" is for models without a rule of their own; what it calls sensitive is so in every model.

    Raises NotFound, or ConfigError that names the key.
    """
    if not file:
        return Rules()
    top = Section("", document(read_text(Path(file)), as_text=True))
    models = top.section("models")
    names = models.names()
    rules = {name: _rule(models.section(name)) for name in names}
    top.done()
    always = rules.get(ANY, _NOTHING).sensitive
    return Rules({name: replace(rule, sensitive=rule.sensitive | always) for name, rule in rules.items()})


def _rule(section: Section) -> Rule:
    renamed = section.section("rename", required=False)
    rename = {name: renamed.text(name) for name in renamed.names()}
    if len(set(rename.values())) < len(rename):
        raise ConfigError(section.key("rename"), sorted(rename.values()), "give each feature its own name")
    rule = Rule(
        columns=_texts(section, "columns"),
        rename=rename,
        keep=frozenset(_texts(section, "keep")) if section.has("keep") else None,
        sensitive=frozenset(_texts(section, "sensitive")),
        model=section.text("model") if section.has("model") else None,
        version=section.text("version") if section.has("version") else None,
    )
    section.done()
    return rule


def _texts(section: Section, name: str) -> tuple[str, ...]:
    if not section.has(name):
        return ()
    found = section.sequence(name)
    if not all(isinstance(text, str) and text for text in found):
        raise ConfigError(section.key(name), found, "write a list of texts")
    return tuple(str(text) for text in found)
