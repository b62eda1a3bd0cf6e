"""What the columns of a file of predictions are: the roles that a person declares in COLUMNS.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

from pipeline.errors import ConfigError
from pipeline.sections import Section
from pipeline.yaml_file import document, read_text

Problem = Literal["binary", "multiclass", "regression"]

CELLS = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; '' is a role that no column has."""

    timestamp: str = ""
    prediction_id: str = ""
    prediction: str = ""
    """The class, or of a regression the number, that the model answered."""
    score: str = ""
    """Probability of `positive_class`."""
    scores: tuple[tuple[str, str], ...] = ()
    """Of more than two classes: each with the column of its probability."""
    label: str = ""
    label_time: str = ""
    positive_class: str = ""
    problem: str = ""
    """One of Problem; '' follows from the columns."""
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    """Read as their type says; all three empty is every column without a role."""
    version: str = ""
    stable: str = ""
    canary: str = ""
    """Values of `version` that are compared at the same steps."""
    segments: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    values: tuple[tuple[str, float], ...] = ()
    """What a prediction in each cell of the confusion is worth."""

    @property
    def roles(self) -> dict[str, str]:
        """Column by role, of the roles that are no feature."""
        named = {
            "timestamp": self.timestamp,
            "prediction_id": self.prediction_id,
            "prediction": self.prediction,
            "score": self.score,
            "label": self.label,
            "label_time": self.label_time,
            "version": self.version,
            **{f"scores.{name}": column for name, column in self.scores},
        }
        return {role: column for role, column in named.items() if column}


def read(path: Path) -> Columns:
    """The roles in a YAML file; raises NotFound and ConfigError."""
    return parse(document(read_text(path), as_text=True))


def parse(content: object) -> Columns:
    """The roles of a YAML document whose scalars are text."""
    top = Section("", content)
    features = _features(top)
    columns = Columns(
        timestamp=top.text("timestamp", ""),
        prediction_id=top.text("prediction_id", ""),
        prediction=top.text("prediction", ""),
        score=top.text("score", ""),
        scores=_pairs(top, "scores"),
        label=top.text("label", ""),
        label_time=top.text("label_time", ""),
        positive_class=top.text("positive_class", ""),
        version=top.text("version", ""),
        stable=top.text("stable", ""),
        canary=top.text("canary", ""),
        problem=top.choice("problem", ("", "binary", "multiclass", "regression"), ""),
        numeric=features.get("numeric", ()),
        categorical=features.get("categorical", ()),
        features=features.get("features", ()),
        segments=_names(top, "segments"),
        ignore=_names(top, "ignore"),
        values=_values(top),
    )
    top.done()
    return _checked(columns)


def _checked(columns: Columns) -> Columns:
    if columns.score and columns.scores:
        remedy = "write score for two classes or scores for more, not both"
        raise ConfigError("scores", columns.score, remedy)
    if len(columns.scores) == 1:
        raise ConfigError("scores", columns.scores[0][0], "name two classes at least, or use score")
    roles = columns.roles
    for role, column in roles.items():
        twice = next((r for r, c in roles.items() if c == column and r != role), None)
        if twice:
            raise ConfigError(role, column, f"the column is {twice} already; a column has one role")
    for column in (*columns.numeric, *columns.categorical, *columns.features):
        if column in roles.values():
            raise ConfigError("features", column, "the column has another role; leave it out here")
    if len({bool(part) for part in (columns.version, columns.stable, columns.canary)}) == 2:
        remedy = "write version, the column, and its values stable and canary: all three or none"
        raise ConfigError("version", columns.version, remedy)
    if columns.values and columns.scores:
        raise ConfigError("values", "tp, fp, fn, tn", "cells have values where there are two classes")
    return columns


def _features(top: Section) -> dict[str, tuple[str, ...]]:
    """A list of names, or a mapping with numeric and categorical."""
    try:
        section = top.section("features", required=False)
    except ConfigError:
        return {"features": _names(top, "features")}
    found = {kind: _names(section, kind, section.key(kind)) for kind in ("numeric", "categorical")}
    section.done()
    both = set(found["numeric"]) & set(found["categorical"])
    if both:
        raise ConfigError("features", min(both), "a column is numeric or categorical, not both")
    return found


def _names(section: Section, name: str, path: str = "") -> tuple[str, ...]:
    if not section.has(name):
        section.text(name, "")
        return ()
    found = section.sequence(name)
    for value in found:
        if not isinstance(value, str) or not value:
            raise ConfigError(path or name, value, "write names of columns")
    return tuple(str(value) for value in found)


def _pairs(top: Section, name: str) -> tuple[tuple[str, str], ...]:
    section = top.section(name, required=False)
    return tuple((key, section.text(key)) for key in sorted(section.names()))


def values(key: str, text: str) -> tuple[tuple[str, float], ...]:
    """What each cell is worth, of text as tp=100,fn=-50; a cell that is not named is worth nothing."""
    given = dict(part.strip().partition("=")[::2] for part in text.split(",") if part.strip())
    strangers = [cell for cell in given if cell not in CELLS]
    if strangers:
        raise ConfigError(key, strangers[0], f"write some of {', '.join(CELLS)}, as tp=100,fn=-50")
    return tuple((cell, _number(key, given.get(cell, "0"))) for cell in CELLS) if given else ()


def _values(top: Section) -> tuple[tuple[str, float], ...]:
    found = top.section("values", required=False)
    cells: Mapping[str, str] = {cell: found.text(cell, "0") for cell in CELLS}
    found.done()
    if not top.has("values"):
        return ()
    return tuple((cell, _number(found.key(cell), text)) for cell, text in cells.items())


def _number(key: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ConfigError(key, text, "write a number: what one such prediction is worth")
    return number
